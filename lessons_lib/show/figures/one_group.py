"""One group of answers, followed: what each is paid, what that is compared with, how each arm is pushed.

`scene` is one moment. A group has five: it is drawn, paid, compared, its advantages are seen, its pushes are
added up and change the policy. An arm has one colour wherever it is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt

from lessons_lib.show.drawing import heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, HATCHES

MOMENTS = ("drawn", "paid", "compared with a baseline", "the advantages", "the push on each arm")


@dataclass(frozen=True)
class Group:
    """One group of answers: plain numbers, as a figure and a sentence need them.

    `policy` (arms) is that which drew, `arms` and `rewards` are one for each answer, `baseline` is what the
    rewards are compared with, `push` (arms) the mean over answers of (reward - baseline) times the gradient
    of the arm's log-probability by the policy's logits.
    """

    policy: Sequence[float]
    arms: Sequence[int]
    rewards: Sequence[float]
    baseline: float
    push: Sequence[float]

    @property
    def advantages(self) -> list[float]:
        return [reward - self.baseline for reward in self.rewards]


@explained
def scene(groups: Sequence[Group], moment: int, names: str, title: str, *, ahead: bool = False):
    """Draw `moment` of a policy that learns group by group; (figure, sentence).

    Moments are counted through all groups, five in each. `names` has a letter for each arm. With `ahead`
    the policies of all groups are drawn, for print, else those so far.
    """
    number, stage = divmod(moment, len(MOMENTS))
    group = groups[number]
    fig = plt.figure(figsize=(7.4, 4.7))
    grid = fig.add_gridspec(2, 3, width_ratios=(1, 2.5, 1.1), height_ratios=(1.6, 1))
    _policy(fig.add_subplot(grid[0, 0]), group, names)
    _answers(fig.add_subplot(grid[0, 1]), groups, group, stage, names)
    _push(fig.add_subplot(grid[0, 2]), groups, group, stage, names)
    _course(fig.add_subplot(grid[1, :]), groups, number, names, len(groups) if ahead else number + 1)
    heading(fig, f"{title}. Group {number + 1}: {MOMENTS[stage]}")
    words = _in_words(groups, number, stage, names)
    if ahead:
        last = ", ".join(f"{name} {chance:.2f}" for name, chance in zip(names, groups[-1].policy))
        words += f" Below, the policy of all {len(groups)} groups; the last is {last}."
    return fig, words


def _policy(axes, group: Group, names: str) -> None:
    for arm, chance in enumerate(group.policy):
        axes.bar(arm, chance, 0.7, color=COLOURS[arm], hatch=HATCHES[arm], edgecolor="white", lw=0.4)
        axes.text(arm, chance + 0.02, f"{chance:.2f}", ha="center", fontsize=8.5)
    axes.set_xticks(range(len(names)), names)
    axes.set(ylim=(0, 1.1), ylabel="chance", xlabel="arm")
    axes.set_title("the policy", fontsize=10)


def _answers(axes, groups: Sequence[Group], group: Group, stage: int, names: str) -> None:
    """Draw the answers as letters, their rewards as dots, the baseline, and arrows from it to each reward."""
    paid = [reward for of in groups for reward in of.rewards]
    low, high = min([*paid, *(of.baseline for of in groups)]), max(paid)
    room = max(high - low, 1.0)
    axes.set(ylim=(low - 0.25 * room, high + 0.25 * room), xlim=(0.3, len(group.arms) + 1.35))
    for place, (arm, reward) in enumerate(zip(group.arms, group.rewards, strict=True), 1):
        ink = COLOURS[arm]
        axes.text(place, low - 0.18 * room, names[arm], color=ink, weight="bold", ha="center", va="center")
        if stage >= 3 and abs(reward - group.baseline) > 1e-9:
            look = dict(arrowstyle="-|>", color=ink, lw=2.6, mutation_scale=13, shrinkA=0, shrinkB=0)
            axes.annotate("", (place, reward), (place, group.baseline), arrowprops=look)
        if stage >= 1:
            axes.plot(place, reward, "o", color=ink, ms=7, mec="white", zorder=4 if stage < 3 else 0)
    if stage >= 2:
        axes.axhline(group.baseline, color="0.35", lw=1.4, ls="--", xmax=0.9)
        axes.text(len(group.arms) + 0.75, group.baseline, f"{group.baseline:.2f}", va="center", fontsize=8.5)
    axes.set_xticks([])
    axes.set_yticks(sorted({low, *paid}))
    axes.set(ylabel="reward", xlabel="the answers of this group")
    shown = "arrows: advantages" if stage >= 3 else "dots: rewards" if stage else "letters: arms"
    axes.set_title(shown, fontsize=10)


def _push(axes, groups: Sequence[Group], group: Group, stage: int, names: str) -> None:
    far = 1.25 * max(0.1, *(abs(push) for of in groups for push in of.push))
    axes.axhline(0, color="0.4", lw=1, ls="-")
    if stage == len(MOMENTS) - 1:
        for arm, push in enumerate(group.push):
            axes.bar(arm, push, 0.7, color=COLOURS[arm], hatch=HATCHES[arm], edgecolor="white", lw=0.4)
            note = dict(ha="center", va="bottom" if push >= 0 else "top", fontsize=8.5)
            axes.text(arm, push + (0.02 if push >= 0 else -0.02) * far, _signed(push), **note)
    axes.set_xticks(range(len(names)), names)
    axes.set(ylim=(-far, far), xlim=(-0.6, len(names) - 0.4), xlabel="arm")
    axes.set_title("push on each arm", fontsize=10)


def _course(axes, groups: Sequence[Group], number: int, names: str, drawn: int) -> None:
    """Draw the policies that drew the first groups, the present one framed."""
    for place, group in enumerate(groups[:drawn], 1):
        bottom = 0.0
        for arm, chance in enumerate(group.policy):
            look = dict(color=COLOURS[arm], hatch=HATCHES[arm], edgecolor="white", lw=0.4)
            axes.bar(place, chance, 0.9, bottom=bottom, **look)
            if place == 1:
                axes.text(0.45, bottom + chance / 2, names[arm], ha="right", va="center", fontsize=8.5)
            bottom += chance
    axes.bar(number + 1, 1, 0.98, color="none", edgecolor="0.05", lw=1.6)
    axes.set(xlim=(0, len(groups) + 0.6), ylim=(0, 1.03), ylabel="policy", xlabel="group")
    axes.set_xticks(range(1, len(groups) + 1))


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}"  # never -0.00


def _in_words(groups: Sequence[Group], number: int, stage: int, names: str) -> str:
    """Say a moment in one sentence, for those who don't see it."""
    group = groups[number]
    drawn = "".join(names[arm] for arm in group.arms)
    if stage == 0:
        chances = ", ".join(f"{name} {chance:.2f}" for name, chance in zip(names, group.policy))
        return f"Group {number + 1}: the policy ({chances}) draws {drawn}."
    if stage == 1:
        return f"Group {number + 1}: {drawn} are paid {', '.join(f'{r:g}' for r in group.rewards)}."
    if stage == 2:
        return f"Group {number + 1}: each reward is compared with {group.baseline:.2f}."
    listed = ", ".join(f"{names[a]} {_signed(x)}" for a, x in zip(group.arms, group.advantages))
    if stage == 3:
        return f"Group {number + 1}: the advantages are {listed}."
    pushes = ", ".join(f"{name} {_signed(push)}" for name, push in zip(names, group.push))
    return f"Group {number + 1}: advantages {listed}; together they push {pushes}."
