"""Shows the documents to a Kedge, or writes them."""

import argparse
import re
import sys
import time
from collections import Counter
from pathlib import Path

from . import kedges, oracle, xmlsec
from .register import make


def main():
    parser = argparse.ArgumentParser(prog="python -m corpus", description=__doc__)
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="where a table of what came of it goes, in Markdown"
    )
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="where documents that were not refused go")
    parser.add_argument("--write", type=Path, metavar="DIRECTORY", help="shows them to nobody, and writes them there")
    parser.add_argument("--family", action="append", help="this one alone; may be given several times")
    options = parser.parse_args()
    if options.write:
        write(options.write, options.family)
        return
    start = time.monotonic()
    run = kedges.run(options.family, options.keep)
    report = kedges.table(run)
    print(report)
    print(f"{time.monotonic() - start:.0f} s, the slowest answer {max(one.seconds for one in run.outcomes):.2f} s")
    for name, answer in run.refused_sites.items():
        print(f"The configuration {name} was refused: {answer}")
    bad = [one for one in run.outcomes if kedges.wrong(one)]
    for one in bad:
        print(one)
    for line in run.errors:
        print(line)
    if run.visitors:
        print(f"Kedge asked for a URL of a document {len(run.visitors)} times: {run.visitors[0]!r}")
    if options.report:
        options.report.write_text(f"{xmlsec.version()}\n\n{report}")
    sys.exit(bool(bad or run.errors or run.visitors or not run.healthy))


def write(directory, families):
    """With what xmlsec1 says of each in front of its name."""
    count = Counter()
    with kedges.stand_in() as world:
        for entry, site in kedges.documents(world, families):
            document = make(entry, world, site)
            valid = oracle.has_valid_signature(document)
            place = directory / entry.family.replace(" ", "-")
            place.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"[^\w]+", "-", f"{'valid' if valid else 'plain'}-{site}-{entry.name}")[:180]
            (place / f"{name}.xml").write_bytes(document.octets)
            count[entry.family, valid] += 1
    for family in dict.fromkeys(family for family, _ in count):
        print(
            f"{family}: {count[family, True]} with a signature that xmlsec1 calls valid, {count[family, False]} without"
        )


if __name__ == "__main__":
    main()
