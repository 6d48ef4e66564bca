"""What stands still behind the objects: sky, skyline, house fronts and hedges, and the ground."""
from __future__ import annotations

import numpy as np

from .frame import BUILDING, PLANTS, ROAD, WALK, Frame
from .street import FAR, Side, Street
from .textures import sample_noise
from .weather import Weather

_GRASS, _SLABS, _WHITE, _YELLOW = (62, 112, 88), (138, 142, 146), (215, 215, 215), (60, 170, 215)
_HILL_DEPTH = 150.0


def paint_backdrop(frame: Frame, street: Street, weather: Weather) -> None:
    """Paint sky, skyline, the ground and both sides of the street into ``frame``, in this order."""
    _paint_sky(frame, street, weather)
    _paint_hills(frame, street, weather)
    _paint_ground(frame, street, weather)
    for side, sign in ((street.left, -1), (street.right, 1)):
        _paint_side(frame, street, weather, side, sign)


def _paint_sky(frame: Frame, street: Street, weather: Weather) -> None:
    """Paint a gradient and clouds; in infrared a clear sky is cold, and clouds are less so."""
    height, width = frame.depth.shape
    rows = np.arange(height, dtype=np.float32)[:, None] / height
    columns = np.arange(width, dtype=np.float32)[None] / height
    u, v = columns * 160 + street.texture[0], rows * 420 + street.texture[1]
    clouds = np.clip(sample_noise(4, u, v) * 2 + 0.3, 0, 1)
    if weather.sun == 0:  # overcast, fog or night
        clouds = np.maximum(clouds * np.float32(0.4), np.float32(0.7))
    low = rows / street.camera.horizon
    for channel, (zenith, rim) in enumerate(((225, 235), (165, 215), (110, 200))):
        clear = zenith + (rim - zenith) * low
        frame.paint[channel] = clear + (225 - clear) * clouds * np.float32(0.8)
    frame.paint[3] = 255 * (weather.sky + (0.4 * weather.plants) * low * low + 0.06 * clouds)
    frame.glow[:] = 3 * weather.ambient if weather.dark else 0.9


def _paint_hills(frame: Frame, street: Street, weather: Weather) -> None:
    """Paint the skyline: far houses or woods, a step for each of its heights."""
    height, width = frame.depth.shape
    column, row = street.camera.vanishing
    place = (np.arange(width) + 0.5 - column) / height
    tops = street.hills[(np.floor(place * 24).astype(int) + 32) % 64]
    rows = slice(max(int(row - street.hills.max() * height), 0), int(row + street.camera.focal * street.camera.eye / FAR) + 2)
    mask = _rows(height)[rows] > row - tops[None] * height
    woods = street.hills[0] > 0.07
    colour = (70, 95, 75) if woods else (150, 140, 135)
    grain = 1 + 0.25 * sample_noise(32, _rows(height)[rows] * (400 / height), place[None].astype(np.float32) * 400)
    heat = 255 * (weather.plants if woods else weather.wall)
    _fill(frame, (rows, slice(None)), mask, paint=_column(*colour, heat) * grain, depth=_HILL_DEPTH, glow=0,
          semantic=PLANTS if woods else BUILDING)


def _fill(frame: Frame, window: tuple[slice, slice], mask: np.ndarray | bool, **values: np.ndarray | float) -> None:
    """Set the named planes of the frame to ``values`` where ``mask`` holds within ``window``."""
    for name, value in values.items():
        np.copyto(getattr(frame, name)[(..., *window)], value, where=mask, casting='unsafe')


def _column(*values: float) -> np.ndarray:
    """Return one number for each plane of the paint, 4 x 1 x 1 float32."""
    return np.array(values, np.float32).reshape(-1, 1, 1)


def _rows(height: int) -> np.ndarray:
    """Return the rows' centres as a column vector."""
    return np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5)


def _paint_side(frame: Frame, street: Street, weather: Weather, side: Side, sign: int) -> None:
    """Paint the house fronts or hedges of one side: a plane that runs along the street."""
    camera = street.camera
    column, row = camera.vanishing
    across = sign * (np.arange(frame.depth.shape[1]) + 0.5 - column) / camera.focal
    inside = np.flatnonzero(across > side.wall / FAR)
    if not len(inside):
        return
    columns = slice(inside[0], inside[-1] + 1)
    z = (side.wall / across[columns]).astype(np.float32)
    y = camera.eye + (row - _rows(frame.depth.shape[0])) * (z / np.float32(camera.focal))
    lot = np.searchsorted(side.ends, z)
    paint, glow = (_hedge if side.kind == 'park' else _house)(street, weather, side, z, y, lot)
    tops = side.tops[lot] + (sample_noise(64, z * 30, z * 0) if side.kind == 'park' else 0)
    _fill(frame, (slice(None), columns), (y > 0) & (y < tops), paint=paint, glow=glow, depth=z,
          sun=float(sign * weather.shade[0] > 0), semantic=PLANTS if side.kind == 'park' else BUILDING)


def _hedge(street: Street, weather: Weather, side: Side, z: np.ndarray, y: np.ndarray,
           lot: np.ndarray) -> tuple[np.ndarray, np.ndarray | np.float32]:
    """Return paint and glow of leaves."""
    leaves = sample_noise(32, z[None] * 24 + street.texture[0], y * 40)
    return _column(40, 88, 62, 255 * weather.plants) * (1 + np.float32(0.45) * leaves), np.float32(0)


def _house(street: Street, weather: Weather, side: Side, z: np.ndarray, y: np.ndarray,
           lot: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return paint and glow of house fronts: plaster, windows that are opaque to infrared, lit ones in the dark."""
    across, up = z / np.float32(side.pitch[0]), y / np.float32(side.pitch[1])
    cell_x, cell_y = np.floor(across), np.floor(up)
    shop = cell_y == 0
    pane = ((np.abs(across - cell_x - 0.5) < 0.29) & (np.abs(up - cell_y - 0.52) < np.where(shop, 0.38, 0.26)))
    sharp = np.clip(street.camera.focal * side.wall * side.pitch[0] / (5 * z * z), 0, 1)  # no pattern finer than pixels
    pane = (pane & (y < side.tops[lot] - 0.5)) * sharp.astype(np.float32)
    plaster = 1 + np.float32(0.16) * sample_noise(16, z[None] * 12 + street.texture[1], y * 16)
    warmth = 255 * (weather.wall + (lot[:, None] % 3 - 1) * 0.03)
    wall = np.concatenate([side.paints[lot], warmth], axis=1).T.astype(np.float32)[:, None]
    lit = side.lit[(cell_y.astype(int) * 5 + lot) & 15, cell_x.astype(int) & 15] & weather.dark
    dim, bright = _column(88, 76, 64, 255 * (weather.wall - 0.07)), _column(150, 215, 255, 255 * (weather.wall + 0.06))
    paint = wall * plaster
    paint += ((dim + (bright - dim) * lit) - paint) * pane
    return paint, np.float32(0.30) * lit * pane


def _paint_ground(frame: Frame, street: Street, weather: Weather) -> None:
    """Paint road, pavements and strips with their markings, and the houses' shade on them."""
    camera = street.camera
    height, width = frame.depth.shape
    column, row = camera.vanishing
    first = int(np.ceil(row + camera.focal * camera.eye / FAR))
    z = np.float32(camera.focal * camera.eye) / (_rows(height)[first:] - np.float32(row))
    x = (np.arange(width, dtype=np.float32) + np.float32(0.5 - column)) * (z / np.float32(camera.focal))
    left = x < 0
    out = np.abs(x)
    kerb, walk = (np.where(left, np.float32(getattr(street.left, name)), np.float32(getattr(street.right, name)))
                        for name in ('kerb', 'walk'))
    zone = (out > kerb).astype(np.intp) + (out > walk)
    paint = _ground_paints(street, weather).T.take(zone + 3 * left, axis=1)
    u, v = x + np.float32(street.texture[0]), z + np.float32(street.texture[1])
    wear = np.float32(0.35) * sample_noise(8, u * 10, v * 5) + sample_noise(64, u * 48, v * 24) * np.clip(9 / z, 0.15, 1)
    marks = _markings(street, x, z, out - kerb) * (np.float32(0.8) + np.float32(0.25) * wear)
    paint[:3] *= 1 + np.float32(0.17) * wear
    paint[:3] += (225 - paint[:3]) * marks
    paint[3] += 9 * wear + 5 * marks
    _fill(frame, (slice(first, None), slice(None)), True, paint=paint, depth=z, glow=0, sun=_sunlit(street, weather, x, z),
          semantic=np.array([ROAD, WALK, PLANTS], np.uint8)[zone])


def _ground_paints(street: Street, weather: Weather) -> np.ndarray:
    """Return the 6 x 4 paints of road, pavement and strip, right side first."""
    road = (street.asphalt + 4, street.asphalt, street.asphalt - 3, 255 * weather.ground)
    rows = []
    for side in (street.right, street.left):
        slabs = road if side.kind == 'parking' else (*_SLABS, 255 * (weather.ground + 0.03))
        rows += [road, slabs, (*_GRASS, 255 * weather.plants) if side.kind == 'park' else slabs]
    return np.array(rows, np.float32)


def _markings(street: Street, x: np.ndarray, z: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Return the share of each pixel covered by white: lines, crossing, bays and kerb stones."""
    scale = np.float32(street.camera.focal) / z  # pixels per metre across
    along = scale * np.float32(street.camera.eye) / z  # and ahead

    def stripe(distance: np.ndarray, half: float, per_metre: np.ndarray) -> np.ndarray:
        return np.clip((half - np.abs(distance)) * per_metre + np.float32(0.5), 0, 1) * np.clip(2 * half * per_metre, 0, 1)

    cover = 0.45 * stripe(beyond, 0.09, scale)
    for position, dash, _ in street.lines:
        gap = 1 if dash == 0 else (np.mod(z, 2.4 * dash) < dash)
        cover = np.maximum(cover, stripe(x - np.float32(position), 0.075, scale) * gap)
    if street.crossing is not None:
        across = stripe(np.mod(x, np.float32(1.0)) - np.float32(0.5), 0.25, scale)
        cover = np.maximum(cover, across * stripe(z - np.float32(street.crossing + 1.5), 1.5, along) * (beyond < -0.3))
    for side, sign in ((street.left, -1), (street.right, 1)):
        if side.kind == 'parking':
            bay = stripe(np.mod(z, np.float32(2.6)) - np.float32(1.3), 0.06, along)
            cover = np.maximum(cover, bay * ((x * sign > side.kerb) & (x * sign < side.walk)))
    return cover


def _sunlit(street: Street, weather: Weather, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return 1 where no house shades the ground from the sun, H x W float32."""
    side, sign = (street.left, -1) if weather.shade[0] > 0 else (street.right, 1)
    if side.kind == 'park':
        return np.ones_like(x)
    tops = side.tops[np.searchsorted(side.ends, z - 8 * np.float32(weather.shade[1]))]
    edge = side.wall - abs(weather.shade[0]) * 0.6 * tops
    return np.clip((edge - sign * x) * 4 + 0.5, 0, 1).astype(np.float32)
