"""Noise: tiles of it for surfaces, and the grain of a sensor. Integer arithmetic, so equal on every machine."""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np

TILE = 256


def _octave(rng: np.random.Generator, cells: int) -> np.ndarray:
    """Return smooth noise of ``cells`` x ``cells`` blobs that wraps around, TILE x TILE int32 about zero."""
    grid = np.pad(rng.integers(0, 256, (cells, cells), dtype=np.uint8), (1, 1), mode='wrap')
    step = TILE // cells
    smooth = cv2.resize(grid, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR_EXACT)
    return smooth[step : step + TILE, step : step + TILE].astype(np.int32) - 128


@cache
def noise_tile(coarsest: int) -> np.ndarray:
    """Return a wrapping tile of fractal noise, uint8 TILE x TILE, mean about 128.

    Args:
        coarsest: Blobs along one side in the coarsest octave (a power of two); finer octaves weigh less.
    """
    rng = np.random.default_rng([7919, coarsest])
    octaves = [_octave(rng, cells) for cells in (coarsest * 2**k for k in range(5)) if cells <= TILE]
    total = sum(octave * 2 // (k + 2) for k, octave in enumerate(octaves))
    return np.clip(total + 128, 0, 255).astype(np.uint8)


def sample_noise(coarsest: int, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the noise at texel coordinates ``u`` and ``v`` (float arrays that broadcast), float32 in [-1, 1]."""
    texels = ((v.astype(np.int32) & (TILE - 1)) * TILE) + (u.astype(np.int32) & (TILE - 1))
    return noise_tile(coarsest).ravel().take(texels) * np.float32(1 / 128) - np.float32(1)


def grain(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return sensor grain: independent, about normal (three uniform bytes), mean 0 and deviation 1, float32."""
    draws = np.frombuffer(rng.bytes(3 * math.prod(shape)), np.uint8).reshape(3, *shape)
    total = np.add(draws[0], draws[1], dtype=np.uint16)
    total += draws[2]
    return (total - np.float32(382.5)) * np.float32(1 / 127.99)
