"""Checks for the exercises of lesson 09: bytes read, numbers rounded, tiles scaled, products added up."""

from lessons_lib.checks.eight_bit_numbers.decode import DECODE_E4M3
from lessons_lib.checks.eight_bit_numbers.power import POWER_SCALE
from lessons_lib.checks.eight_bit_numbers.rounding import ROUND_E4M3
from lessons_lib.checks.eight_bit_numbers.scales import SCALE_TILES
from lessons_lib.checks.eight_bit_numbers.sums import ADD_UP

EXERCISES = (DECODE_E4M3, ROUND_E4M3, SCALE_TILES, POWER_SCALE, ADD_UP)

check_decode_e4m3, passes_decode_e4m3 = DECODE_E4M3.check, DECODE_E4M3.passes
check_round_e4m3, passes_round_e4m3 = ROUND_E4M3.check, ROUND_E4M3.passes
check_scale_tiles, passes_scale_tiles = SCALE_TILES.check, SCALE_TILES.passes
check_power_scale, passes_power_scale = POWER_SCALE.check, POWER_SCALE.passes
check_add_up, passes_add_up = ADD_UP.check, ADD_UP.passes

__all__ = [
    "check_add_up",
    "check_decode_e4m3",
    "check_power_scale",
    "check_round_e4m3",
    "check_scale_tiles",
    "passes_add_up",
    "passes_decode_e4m3",
    "passes_power_scale",
    "passes_round_e4m3",
    "passes_scale_tiles",
]
