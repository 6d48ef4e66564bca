from mmfusenas.models.ops.build import build_operator
from mmfusenas.models.ops.channel_attention import ChannelAttention
from mmfusenas.models.ops.dense_block import DenseBlock
from mmfusenas.models.ops.dense_conv import DenseConv
from mmfusenas.models.ops.dilated_conv import DilatedConv
from mmfusenas.models.ops.dilated_norm_conv import DilatedNormConv
from mmfusenas.models.ops.norm_conv import NormConv
from mmfusenas.models.ops.plain_conv import PlainConv
from mmfusenas.models.ops.residual_block import ResidualBlock
from mmfusenas.models.ops.residual_norm_conv import ResidualNormConv
from mmfusenas.models.ops.residual_plain_conv import ResidualPlainConv
from mmfusenas.models.ops.separable_conv import SeparableConv
from mmfusenas.models.ops.skip import Skip
from mmfusenas.models.ops.spatial_attention import SpatialAttention

__all__ = [
    'ChannelAttention', 'DenseBlock', 'DenseConv', 'DilatedConv', 'DilatedNormConv', 'NormConv', 'PlainConv',
    'ResidualBlock', 'ResidualNormConv', 'ResidualPlainConv', 'SeparableConv', 'Skip', 'SpatialAttention',
    'build_operator',
]
