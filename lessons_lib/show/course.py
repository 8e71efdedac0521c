"""The lessons of the course: number, file, part, short name, and which of them are written yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

PARTS = {
    "I": "Attention that remembers less",
    "II": "Many small experts",
    "III": "Cheap training",
    "IV": "Learning to reason",
    "V": "Afterwards",
}


@dataclass(frozen=True)
class Lesson:
    """One notebook; `part` is a key of PARTS, or empty for the first lesson."""

    stem: str  # the file's name without .ipynb
    part: str
    short: str  # a name that fits a box of the map

    @property
    def number(self) -> str:
        return self.stem[:2]

    def written(self, folder: Path = NOTEBOOKS) -> bool:
        return (folder / f"{self.stem}.ipynb").is_file()


LESSONS = (
    Lesson("00_start_here", "", "What can a laptop check?"),
    Lesson("01_a_small_gpt", "I", "A small GPT"),
    Lesson("02_sharing_keys_and_values", "I", "Sharing keys\nand values"),
    Lesson("03_latent_attention", "I", "Latent\nattention"),
    Lesson("04_absorbing_the_projections", "I", "Absorbing the\nprojections"),
    Lesson("05_mixture_of_experts", "II", "Mixture\nof experts"),
    Lesson("06_deepseek_moe", "II", "Tiny, balanced\nexperts"),
    Lesson("07_experts_across_devices", "II", "Experts across\ndevices"),
    Lesson("08_predicting_several_tokens", "III", "Several tokens\nat once"),
    Lesson("09_eight_bit_numbers", "III", "Eight-bit\nnumbers"),
    Lesson("10_training_in_fp8", "III", "Training\nin 8 bits"),
    Lesson("11_filling_the_pipeline", "III", "Filling the\npipeline"),
    Lesson("12_mini_deepseek", "III", "DeepSeek-V3\nin miniature"),
    Lesson("13_from_reward_to_grpo", "IV", "From reward\nto GRPO"),
    Lesson("14_r1_zero", "IV", "R1-Zero\nin miniature"),
    Lesson("15_is_my_run_broken", "IV", "Is my run\nbroken?"),
    Lesson("16_the_r1_recipe", "IV", "The R1 recipe"),
    Lesson("17_test_time_scaling", "IV", "Test-time\nscaling"),
    Lesson("18_reading_further", "V", "Reading\nfurther"),
    Lesson("19_what_came_next", "V", "What came\nnext"),
    Lesson("20_beyond_one_laptop", "V", "Beyond\none laptop"),
    Lesson("21_was_it_a_sputnik_moment", "V", "Was it a Sputnik moment?"),
)
BY_NUMBER = {lesson.number: lesson for lesson in LESSONS}
