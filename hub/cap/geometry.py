"""Whether a point lies in a polygon or a circle. Millionths of a degree; pure.

Areas of warnings are small and far from the poles, so a polygon is flat here; one that crosses the
180th meridian is moved by whole turns first.
"""

import math
from collections.abc import Iterable, Sequence

from hub.cap.message import Area, Circle, Point

TURN = 360_000_000
_EARTH_M = 6_371_009
_RADIANS = math.pi / 180 / 1_000_000


def inside(point: Point, polygon: Sequence[Point]) -> bool:
    """Tell whether a point lies in a closed polygon (even-odd); its border counts as inside."""
    latitude = point[0]
    first = polygon[0][1]
    longitudes = [_near(one[1], first) for one in polygon]
    longitude = _near(point[1], first)
    if not min(longitudes) <= longitude <= max(longitudes):
        return False
    is_in = False
    for place in range(len(polygon) - 1):
        y1, y2 = polygon[place][0], polygon[place + 1][0]
        x1, x2 = longitudes[place], longitudes[place + 1]
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


def covers(areas: Iterable[Area], point: Point) -> bool:
    """Tell whether any shape of some areas covers a point."""
    return any(
        any(inside(point, one) for one in area.polygons)
        or any(within(point, one) for one in area.circles)
        for area in areas
    )
