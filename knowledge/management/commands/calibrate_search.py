import sys
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from knowledge import calibration, e5
from knowledge.embedding import LocalE5

SPOKEN = "dstc spoken"
REFUSED = 0.25


class Command(BaseCommand):
    help = "Fit what search learnt from public text, and print what belongs into knowledge/confidence.py."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", help="what it must contain is said in knowledge/calibration.py")
        parser.add_argument(
            "--even-out", action="store_true", help="first write knowledge/e5_evened.npz anew, and stop"
        )

    def handle(self, *args: object, **options: object) -> None:
        folder = Path(str(options["folder"]))
        try:
            if options["even_out"]:
                e5.fit_evened(calibration.raw_vectors(folder, LocalE5()))
                self.stdout.write(f"{e5.EVENED_PATH.name} is written. Raise the number at the end of LocalE5.name.")
                return
            groups = calibration.collect(folder, self.stderr.write)
        except FileNotFoundError as error:
            self.stderr.write(f"{error.filename} is missing. What the folder must contain: knowledge/calibration.py.")
            sys.exit(2)
        by_both = {name: group for name, group in groups.items() if group.is_by_both}
        fitted_on = by_both or groups
        fitted = calibration.fit(fitted_on.values())
        threshold = calibration.threshold_refusing(
            REFUSED, groups[SPOKEN], fitted.probabilities(groups[SPOKEN].features)
        )
        coefficients = ", ".join(f"{value:.2f}" for value in fitted.coefficients)
        self.stdout.write(f"{'BY_BOTH' if by_both else 'BY_ONE'} = Fit(({coefficients}), {fitted.intercept:.2f})")
        self.stdout.write(f"CONFIDENT = {threshold:.2f}")
        heads = ("AUROC", "(left out)", "refused", "accepted: taken", "nothing")
        self.stdout.write(f"\n{'':<24}" + "".join(f"{head:>16}" for head in heads))
        for name, group in fitted_on.items():
            source = name.split()[0]
            others = calibration.fit(other for known, other in fitted_on.items() if known.split()[0] != source)
            found = calibration.quality(group, fitted.probabilities(group.features), threshold)
            unseen = calibration.quality(group, others.probabilities(group.features), threshold)
            figures = (found.auroc or 0.0, unseen.auroc or 0.0, found.refused, *found.accepted.values())
            self.stdout.write(f"{name:<24}" + "".join(f"{figure:>16.2f}" for figure in figures))
