"""`make identity N=5000 SEED=1`: the measured campaign, once without and once with the house's setting.

Ends with 1 if a record joined somebody else, or if too many records of known patients are asked about.
"""

import argparse
import sys
from dataclasses import fields

from tests.campaigns.identity.population import Population, Rates
from tests.campaigns.identity.reception import Figures, Reception

#: of the records of patients whose number at that place we know: so many may be asked about
MOST_ASKED = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.identity")
    parser.add_argument("patients", type=int, nargs="?", default=5000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.stdout.write(
        ", ".join(f"{one.name.replace('_', ' ')} {getattr(Rates(), one.name):.1%}" for one in fields(Rates)) + "\n"
    )
    failed = False
    for further_suffices in (False, True):
        figures = Reception(Population(given.patients, given.seed, Rates()), further_suffices=further_suffices).work()
        sys.stdout.write(f"\nTwo further things are enough: {'yes' if further_suffices else 'no'}" + "\n")
        sys.stdout.write("\n".join(_lines(figures)) + "\n")
        failed = failed or bool(figures.wrong) or figures.of_known > MOST_ASKED * figures.records_of_known
    sys.exit(1 if failed else 0)


def _lines(figures: Figures) -> list[str]:
    rules = ", ".join(f"{rule} {count}" for rule, count in sorted(figures.questions.items()))
    return [
        f"cases                            {figures.cases} ({figures.first_contacts} first contacts)",
        f"records of patients, of others   {figures.records}, {figures.records_of_others}",
        f"joined by rule, by an answer     {figures.filed}, {figures.answered}",
        f"wrong                            {figures.wrong}",
        f"missed                           {figures.missed}",
        f"questions a case                 {figures.asked / figures.cases:.3f} ({rules})",
        f"for two people                   {figures.for_two}",
        f"about somebody else              {figures.of_others}",
        f"known patients' records asked    {figures.of_known} of {figures.records_of_known}"
        f" ({figures.of_known / figures.records_of_known:.1%})",
        f"  of those pushed one by one     {figures.of_known_pushed} of {figures.pushed_of_known}"
        f" ({figures.of_known_pushed / figures.pushed_of_known:.1%})",
    ]


if __name__ == "__main__":
    main()
