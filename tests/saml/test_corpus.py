"""Hostile SAML responses at Kedge, and good ones: nobody is signed in but whom the signed assertion names.

All of them are shown once, ahead of the first test: see corpus/. What a test complains of is kept as a file beside the
answer, in the directory KEDGE_CORPUS_KEEP, or in pytest's own.
"""

import os
from pathlib import Path

import pytest

from corpus import kedges
from corpus.register import ENTRIES

HOSTILE = [entry for entry in ENTRIES.values() if not entry.control]
FAMILIES = list(dict.fromkeys(entry.family for entry in HOSTILE))
CONTROLS = [entry.name for entry in ENTRIES.values() if entry.control]


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    keep = os.environ.get("KEDGE_CORPUS_KEEP")
    return kedges.run(keep=Path(keep) if keep else tmp_path_factory.mktemp("corpus"))


def none(outcomes):
    """Fails with what there is, each on a line of its own."""
    outcomes = list(outcomes)
    assert not outcomes, "\n".join(["", *map(str, outcomes)])


@pytest.mark.parametrize("name", CONTROLS)
def test_a_good_document_signs_in_whom_it_names(run, name):
    outcomes = run.of("controls", name)
    assert outcomes
    none(one for one in outcomes if one.verdict != "signed in")


@pytest.mark.parametrize("family", FAMILIES)
def test_nobody_else_is_signed_in_and_nobody_by_what_does_not_hold(run, family):
    none(one for one in run.of(family) if one.verdict == "harmful")


@pytest.mark.parametrize("family", FAMILIES)
def test_what_nobody_would_send_is_refused(run, family):
    none(one for one in run.of(family) if kedges.unexpected(one))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_answer_is_an_answer_and_comes_soon(run, family):
    none(one for one in run.of(family) if one.verdict == "broken" or one.seconds > kedges.SECONDS)


def test_the_documents_are_what_they_are_said_to_be(run):
    """Each goes where it belongs, and most have what an attacker would want: a signature that is valid."""
    shown = {(one.document.entry.family, one.document.entry.name) for one in run.outcomes}
    # A configuration with a short key Kedge may refuse as a whole.
    missing = {key for key, entry in ENTRIES.items() if set(entry.sites) - set(run.refused_sites)} - shown
    assert not missing
    hostile = [one for one in run.outcomes if not one.document.entry.control]
    assert len(HOSTILE) > 1000
    assert sum(one.valid for one in hostile) > len(HOSTILE) * 0.6
    # What refuses it is its own: nobody has seen its ids before, but those of who was shown ahead of it.
    octets = [one.document.octets for one in hostile if one.document.case.name.encode() in one.document.octets]
    assert len(set(octets)) == len(octets) > 5000


def test_kedge_is_still_well(run):
    assert run.healthy
    assert not run.errors, "\n".join(run.errors)


def test_kedge_follows_no_url_of_a_document(run):
    assert not run.visitors
