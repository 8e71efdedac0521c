"""Fixed texts for the two readers of lesson 14, by the phrase of their exercise that each is tied to."""

ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")  # which Python takes for digits, too


def responses(truth: int) -> dict[str, tuple[str, ...]]:
    """Return responses to a question whose answer is `truth`; those of the first and last two are in form."""
    t, thought, arabic = truth, "<think> so </think>", f"{truth}".translate(ARABIC)
    fine = f"{thought} <answer> {t} </answer>"
    return {
        "any text": tuple(
            f"<think>{inside}</think> <answer> {t} </answer>"
            for inside in (" first\nsecond\n", " 3 < 4 ", " a > b ", "{}[](.*)\\d", " the tag <b> ", "\n")
        ),
        "each of the four tags exactly once": (
            f"{thought} {thought} <answer> {t} </answer>",
            f"<think> <think> so </think> <answer> {t} </answer>",
            f"<think> so </think> </think> <answer> {t} </answer>",
            f"<think> <answer> 1 </answer> </think> <answer> {t} </answer>",
            f"<think> the tag </answer> </think> <answer> {t} </answer>",
            f"{thought} <answer> <answer> {t} </answer>",
            f"{thought} <answer> {t} </answer> </answer>",
            f"so </think> <answer> {t} </answer>",
            f"<think> so <answer> {t} </answer>",
            f"{thought} {t} </answer>",
            f"{thought} <answer> {t}",
            f"<THINK> so </THINK> <answer> {t} </answer>",
        ),
        "in this order": (
            f"<answer> {t} </answer> {thought}",
            f"</think> so <think> <answer> {t} </answer>",
            f"{thought} </answer> {t} <answer>",
            f"<think> so <answer> {t} </think> </answer>",
        ),
        "before, between and behind the two parts": (
            f"Well. {fine}",
            f"{thought} thus <answer> {t} </answer>",
            f"{thought}.<answer> {t} </answer>",
            f"{fine} done",
            f"{fine}.",
            f"{fine}\n{t}",
        ),
        "digits 0 to 9 only": tuple(
            f"{thought} <answer> {inside} </answer>"
            for inside in (
                f"+{t}",
                f"-{t}",
                f"{t}.",
                f"{t}.0",
                f"{t} {t}",
                f"{t},0",
                arabic,
                f"{t}²",
                "",
                "x",
            )
        ),
        "zeros in front and blanks around it are fine": (
            f"{thought} <answer>{t}</answer>",
            f"{thought} <answer>   {t}   </answer>",
            f"{thought} <answer> 00{t} </answer>",
        ),
        "blanks and line ends": (f"\n {thought}\n\n<answer> {t} </answer> \n", fine.replace("> <", "><")),
        "earns 1 for its format": (f"{thought} <answer> {t + 1} </answer>", f"{thought} <answer>0</answer>"),
    }


def sums(target: int) -> dict[str, tuple[str, ...]]:
    """Return answers to be verified against `target`, at least 3."""
    t = target
    return {
        "one to six digits": (f"{t:06}", f"{t:07}", f"{t - 1} + 0000001", "9" * 20, "0" * 30 + f"{t}"),
        "whole numbers": (
            f"-1 + {t + 1}",
            f"+{t}",
            f"{t}.0",
            f"{t}.",
            f"{t}e0",
            f"0x{t:x}",
            f"{t}".translate(ARABIC),
            f"{t}²",
            f"0_{t}",
        ),
        "everything separated by one blank": (
            f"{t - 1} +1",
            f"{t - 1}+1",
            f"{t - 1}  + 1",
            f" {t}",
            f"{t} ",
            f"{t - 1} + 1\n",
            f"{t - 1}\t+ 1",
            f"{t - 1}\n+ 1",
            f"{t - 1}\u00a0+ 1",
        ),
        "+ or - between them": (
            f"+ {t}",
            f"{t} +",
            f"{t} -",
            f"{t - 1} + + 1",
            f"{t - 1} - - 1",
            f"{t} 0",
            f"{t} * 1",
            f"{t - 1} * 1",
            f"{t + 1} * 1",
            f"{t - 1} \u2212 1",
            f"{t - 1} + - 1",
            "+",
        ),
        "code, half a sum, nothing": (
            f"print({t})",
            f"{t} if 1 else 0",
            f"{t} # so",
            f"[{t}][0]",
            "",
            " ",
            f"({t})",
        ),
        "a single number is a sum, too": (f"{t}", f"0{t}", f"{t + 1}"),
        "the value": (
            f"{t} + 0",
            f"{t} - 0",
            f"1 - 5 + {t + 4}",
            f"{t - 3} + 1 + 1 + 1",
            " + ".join(["1"] * t),
            f"{t} + 0" + " + 1 - 1" * 1000,
            " - ".join([f"{t + 9}", *["1"] * 9]),
            f"{t} - 1 - 1",
            f"999999 - {999_999 - t}",
        ),
        "thousands of digits": ("1" * 5000, "1 + " * 1000, "+ " * 2000, "1" * 5000 + " +"),
    }
