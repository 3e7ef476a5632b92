"""Whether a point lies in a polygon or a circle. Millionths of a degree; pure.

Areas of warnings are small and far from the poles, so a polygon is flat here; one that crosses the
180th meridian is moved by whole turns first.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from hub.cap.message import Area, Circle, Point

TURN = 360_000_000
# A polygon of two thousand points: each node is held against a few dozen edges.
BANDS = 64
_EARTH_M = 6_371_009
_RADIANS = math.pi / 180 / 1_000_000


class Shape(NamedTuple):
    """A closed polygon made ready to be asked of ten thousand nodes.

    Longitudes lie within half a turn of `first`; `bands` hold the edges by latitude, from `south`
    on.
    """

    first: int
    south: int
    north: int
    west: int
    east: int
    band: int
    bands: tuple[tuple[tuple[Point, Point], ...], ...]


def shape(polygon: Sequence[Point]) -> Shape:
    """Return a polygon made ready."""
    first = polygon[0][1]
    points = [(latitude, _near(longitude, first)) for latitude, longitude in polygon]
    latitudes, longitudes = [one[0] for one in points], [one[1] for one in points]
    south, north = min(latitudes), max(latitudes)
    band = (north - south) // BANDS + 1
    bands: list[list[tuple[Point, Point]]] = [[] for _ in range(BANDS)]
    for edge in pairwise(points):
        low, high = sorted((edge[0][0], edge[1][0]))
        for place in range((low - south) // band, (high - south) // band + 1):
            bands[place].append(edge)
    listed = tuple(tuple(edges) for edges in bands)
    return Shape(first, south, north, min(longitudes), max(longitudes), band, listed)


def holds(given: Shape, point: Point) -> bool:
    """Tell whether a point lies in a polygon (even-odd); its border counts as inside."""
    latitude, longitude = point[0], _near(point[1], given.first)
    if not (given.south <= latitude <= given.north and given.west <= longitude <= given.east):
        return False
    is_in = False
    for (y1, x1), (y2, x2) in given.bands[(latitude - given.south) // given.band]:
        if (y1 > latitude) != (y2 > latitude):
            # Whole numbers: the side of the edge on which the point lies.
            side = (longitude - x1) * (y2 - y1) - (latitude - y1) * (x2 - x1)
            if side == 0:
                return True
            if (side < 0) == (y2 > y1):
                is_in = not is_in
        elif y1 == y2 == latitude and min(x1, x2) <= longitude <= max(x1, x2):
            return True
        elif (y1, x1) == (latitude, longitude):
            return True
    return is_in


def _near(longitude: int, other: int) -> int:
    """Return a longitude within half a turn of another."""
    while longitude - other > TURN // 2:
        longitude -= TURN
    while other - longitude > TURN // 2:
        longitude += TURN
    return longitude


def distance_m(one: Point, other: Point) -> float:
    """Return the distance on a sphere (haversine): a third of a percent off at worst."""
    latitude, other_latitude = one[0] * _RADIANS, other[0] * _RADIANS
    high = math.sin((latitude - other_latitude) / 2) ** 2
    wide = math.sin((one[1] - other[1]) * _RADIANS / 2) ** 2
    across = high + math.cos(latitude) * math.cos(other_latitude) * wide
    return 2 * _EARTH_M * math.asin(min(1.0, math.sqrt(across)))


def within(point: Point, circle: Circle) -> bool:
    """Tell whether a point lies in a circle."""
    return distance_m(point, circle.centre) <= circle.radius_m


class Cover:
    """Hold every shape of some areas, and tell of many points whether any of them covers it."""

    def __init__(self, areas: Iterable[Area]):
        listed = list(areas)
        self._shapes = [shape(one) for area in listed for one in area.polygons]
        self._circles = [one for area in listed for one in area.circles]

    def has(self, point: Point) -> bool:
        """Tell whether any shape covers a point."""
        return any(holds(one, point) for one in self._shapes) or any(
            within(point, one) for one in self._circles
        )
