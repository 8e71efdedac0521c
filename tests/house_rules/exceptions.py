"""Lessons that do not keep a rule yet. The list shrinks: whoever rewrites a lesson takes it off.

A lesson that stands here without need fails the test, so that a rule once kept is kept from then on. When
the course is released, the list is empty.
"""

NOT_YET: dict[str, set[str]] = {}


def judge(number: str, rule: str, complaints: list[str], not_yet: dict[str, set[str]] = NOT_YET) -> list[str]:
    """Return what is wrong with lesson `number`, which a rule had `complaints` about.

    Where the list names lesson and rule, the complaints are known; to have none is then the fault.
    """
    if rule not in not_yet.get(number, ()):
        return complaints
    if complaints:
        return []
    return [
        f"lesson {number} keeps the rule {rule} and still stands in house_rules/exceptions.py: take it off"
    ]
