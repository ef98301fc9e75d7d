"""Signed as it should be, by whom it should be: but for another, at another time, or not to be taken at its word."""

from functools import partial

from . import xmlsec
from .names import BEARER, SAMLP, SUCCESS, XSI
from .parts import audiences, authn, conditions, confirmation, fresh_id, name_id, stamp, status
from .register import ALL, FINE, GRANT, HARM, ODD, SOLICITED, SSO, Post, hostile, register
from .wire import form

EVERYWHERE = ALL + SOLICITED


def with_assertion(family, name, change, **options):
    """A document whose assertion is changed ahead of signing."""

    def make(case):
        assertion = case.assertion()
        assertion.change(change(case))
        return case.finish(assertion)

    register(family, name, make, **{"sites": ALL, **options})


def with_response(family, name, change, **options):
    def make(case):
        response = case.response()
        response.change(change(case, response))
        return case.finish(response=response)

    register(family, name, make, **{"sites": SSO, **options})


# For whom it is.

AUDIENCE = "audience"
ELSEWHERE = "https://looking-glass.example/sp"
for what, make, accepting in (
    ("another", lambda ours: audiences(ELSEWHERE), HARM),
    ("none named", lambda ours: audiences(), HARM),
    ("an empty one", lambda ours: audiences(""), HARM),
    ("no restriction", lambda ours: "", HARM),
    ("two restrictions, the second another's", lambda ours: audiences(ours) + audiences(ELSEWHERE), HARM),
    ("two restrictions, the first another's", lambda ours: audiences(ELSEWHERE) + audiences(ours), HARM),
    ("two restrictions, the second names none", lambda ours: audiences(ours) + audiences(), HARM),
    ("two restrictions, both ours", lambda ours: audiences(ours) * 2, FINE),
    ("one restriction, ours behind another's", lambda ours: audiences(ELSEWHERE, ours), FINE),
    ("ours with a slash", lambda ours: audiences(ours + "/"), HARM),
    ("ours with a tail", lambda ours: audiences(ours + ".evil"), HARM),
    ("ours with a head", lambda ours: audiences("evil." + ours), HARM),
    ("ours cut short", lambda ours: audiences(ours[:-1]), HARM),
    ("ours in capitals", lambda ours: audiences(ours.upper()), HARM),
    ("ours with a query", lambda ours: audiences(ours + "?"), HARM),
    ("ours with a space in it", lambda ours: audiences(ours[:5] + " " + ours[5:]), HARM),
    ("ours and another's in one", lambda ours: audiences(f"{ELSEWHERE} {ours}"), HARM),
    ("a star", lambda ours: audiences("*"), HARM),
    ("ours in an attribute", lambda ours: f'<saml:AudienceRestriction Audience="{ours}"/>', HARM),
    ("ours outside of a restriction", lambda ours: f"<saml:Audience>{ours}</saml:Audience>", HARM),
    (
        "ours as SAML 1.1 says it",
        lambda ours: audiences(ours).replace("AudienceRestriction", "AudienceRestrictionCondition"),
        HARM,
    ),
):

    def audience(case, make=make):
        return {"conditions": conditions(make(case.site.sp_entity_id))}

    with_assertion(AUDIENCE, what, audience, accepting=accepting)


@hostile(AUDIENCE, "the ACS URL", sites=ALL)
def acs_as_audience(case):
    return case.finish(case.assertion(conditions=conditions(audiences(case.site.acs_url))))


@hostile(AUDIENCE, "the IdP itself", sites=ALL)
def idp_as_audience(case):
    return case.finish(case.assertion(conditions=conditions(audiences(case.site.idp.entity))))


# Conditions beside it.

CONDITIONS = "conditions"
TYPED = f'<saml:Condition xmlns:xsi="{XSI}" xmlns:w="urn:wonderland" xsi:type="w:OnlyOnTuesdays"/>'
for what, make, accepting in (
    ("none", lambda case: "", HARM),
    ("an empty one", lambda case: "<saml:Conditions/>", HARM),
    ("two, the first ours and the second another's", lambda case: ours(case) + conditions(audiences(ELSEWHERE)), HARM),
    ("two, the first another's and the second ours", lambda case: conditions(audiences(ELSEWHERE)) + ours(case), HARM),
    ("an unknown Condition", lambda case: ours(case, TYPED), HARM),
    ("an unknown Condition without a type", lambda case: ours(case, "<saml:Condition/>"), HARM),
    ("an unknown element", lambda case: ours(case, '<w:Tea xmlns:w="urn:wonderland"/>'), HARM),
    ("an unknown element of SAML", lambda case: ours(case, "<saml:OnlyOnTuesdays/>"), HARM),
    ("OneTimeUse", lambda case: ours(case, "<saml:OneTimeUse/>"), FINE),
    ("OneTimeUse twice", lambda case: ours(case, "<saml:OneTimeUse/>" * 2), FINE),
    ("ProxyRestriction", lambda case: ours(case, '<saml:ProxyRestriction Count="0"/>'), FINE),
    ("at the end of the assertion", lambda case: "", FINE),
):

    def restricted(case, make=make, what=what):
        return {"conditions": make(case), "rest": ours(case) if what.startswith("at the end") else ""}

    with_assertion(CONDITIONS, what, restricted, accepting=accepting)


def ours(case, more="", **times):
    return conditions(audiences(case.site.sp_entity_id) + more, **times)


# When it is.

TIMES = "times"
# Of AuthnInstant nothing depends: that it is taken as it comes does no harm.
# What no time of the day is; each stands in one place after the other.
NO_TIMES = {
    "nothing": "",
    "a word": "tomorrow",
    "a number": "4102444800",
    "a date": "2099-01-01",
    "the day 30 of February": "2099-02-30T00:00:00Z",
    "the month 13": "2099-13-01T00:00:00Z",
    "the hour 25": "2099-01-01T25:00:00Z",
    "a time zone of 99 hours": "2099-01-01T00:00:00+99:00",
    "a time zone's name": "2099-01-01T00:00:00 UTC",
    "a year of three digits": "999-01-01T00:00:00Z",
    "an infinity": "INF",
    "a duration": "P1Y",
    "a letter behind it": "2099-01-01T00:00:00Zx",
    "two times": "2099-01-01T00:00:00Z 2099-01-01T00:00:00Z",
    "digits of another script": "２０９９-01-01T00:00:00Z",
    # What overflows where digits are reckoned with before they are looked at.
    "characters behind the digits": "2099-01-01T00:~0:00Z",
}
for what, value in NO_TIMES.items():
    with_assertion(
        TIMES,
        f"conditions' NotOnOrAfter: {what}",
        lambda case, value=value: {"conditions": conditions(audiences(case.site.sp_entity_id), NotOnOrAfter=value)},
    )
for what in ("nothing", "a word", "a number", "the day 30 of February", "characters behind the digits"):
    value = NO_TIMES[what]
    with_assertion(
        TIMES,
        f"conditions' NotBefore: {what}",
        lambda case, value=value: {"conditions": conditions(audiences(case.site.sp_entity_id), NotBefore=value)},
    )
    with_assertion(
        TIMES,
        f"confirmation's NotOnOrAfter: {what}",
        lambda case, value=value: {"confirmation": confirmation(case, NotOnOrAfter=value)},
    )
    with_assertion(TIMES, f"the assertion's IssueInstant: {what}", lambda case, value=value: {"instant": value})
    with_response(
        TIMES,
        f"the response's IssueInstant: {what}",
        lambda case, response, value=value: {"instant": value},
        accepting=ODD,
    )
    with_assertion(
        TIMES, f"AuthnInstant: {what}", lambda case, value=value: {"authn": authn(AuthnInstant=value)}, accepting=FINE
    )


def local(seconds, zone, hours):
    """The time in some seconds, as a clock shows it in a zone."""
    return stamp(seconds + hours * 3600)[:-1] + zone


PAST = {
    "five minutes ago": lambda: stamp(-300),
    "ninety seconds ago": lambda: stamp(-90),
    "an hour ago": lambda: stamp(-3600),
    "years ago": lambda: "2001-01-01T00:00:00Z",
    "in the year one": lambda: "0001-01-01T00:00:00Z",
    "before Christ": lambda: "-0044-03-15T00:00:00Z",
    "long before": lambda: "-99999-01-01T00:00:00Z",
    "an hour ago, in a zone where it is later": lambda: local(-3600, "+14:00", 14),
    "an hour ago, in a zone of minutes": lambda: local(-3600, "+00:30", 0.5),
}
for what, value in PAST.items():
    with_assertion(
        TIMES,
        f"conditions' NotOnOrAfter: {what}",
        # Without a start, so that there is nothing else that is wrong.
        lambda case, value=value: {
            "conditions": conditions(audiences(case.site.sp_entity_id), NotBefore=None, NotOnOrAfter=value())
        },
    )
    with_assertion(
        TIMES,
        f"confirmation's NotOnOrAfter: {what}",
        lambda case, value=value: {"confirmation": confirmation(case, NotOnOrAfter=value())},
    )
FUTURE = {
    "in five minutes": lambda: stamp(300),
    "in ninety seconds": lambda: stamp(90),
    "in years": lambda: "2099-01-01T00:00:00Z",
    "in the year 9999": lambda: "9999-12-31T23:59:59Z",
    "in the year 99999": lambda: "99999-01-01T00:00:00Z",
    "in an hour, in a zone where it is earlier": lambda: local(3600, "-12:00", -12),
}
for what, value in FUTURE.items():
    until = "2199-01-01T00:00:00Z" if what in ("in years", "in an hour, in a zone where it is earlier") else None
    with_assertion(
        TIMES,
        f"conditions' NotBefore: {what}",
        lambda case, value=value, until=until: {
            "conditions": conditions(audiences(case.site.sp_entity_id), NotBefore=value(), NotOnOrAfter=until)
        },
    )
    with_assertion(TIMES, f"the assertion's IssueInstant: {what}", lambda case, value=value: {"instant": value()})
    with_response(
        TIMES,
        f"the response's IssueInstant: {what}",
        lambda case, response, value=value: {"instant": value()},
        accepting=ODD,
    )
    with_assertion(
        TIMES,
        f"confirmation's NotBefore: {what}",
        lambda case, value=value: {"confirmation": confirmation(case, NotBefore=value())},
    )
for what, changes, accepting in (
    ("conditions end before they start", {"NotBefore": lambda: stamp(200), "NotOnOrAfter": lambda: stamp(100)}, HARM),
    ("conditions end as they start", {"NotBefore": stamp, "NotOnOrAfter": stamp}, FINE),
    ("conditions without an end", {"NotOnOrAfter": lambda: None}, FINE),
    ("conditions without a start", {"NotBefore": lambda: None}, FINE),
    ("conditions end in the year 9999", {"NotOnOrAfter": lambda: "9999-12-31T23:59:59Z"}, FINE),
    ("conditions end in the year 99999", {"NotOnOrAfter": lambda: "99999-12-31T23:59:59Z"}, ODD),
    ("conditions end in a year of forty digits", {"NotOnOrAfter": lambda: f"{'9' * 40}-12-31T23:59:59Z"}, ODD),
    ("conditions with forty digits of a second", {"NotBefore": lambda: f"{stamp(-5)[:-1]}.{'1' * 40}Z"}, FINE),
    ("conditions with a space for T", {"NotOnOrAfter": lambda: "2099-01-01 00:00:00Z"}, ODD),
    (
        "conditions in a zone",
        {"NotBefore": lambda: local(-5, "+02:00", 2), "NotOnOrAfter": lambda: local(300, "+02:00", 2)},
        FINE,
    ),
    ("conditions without a zone", {"NotOnOrAfter": lambda: stamp(300)[:-1]}, FINE),
    ("conditions end at 24:00", {"NotOnOrAfter": lambda: "2099-12-31T24:00:00Z"}, FINE),
    ("conditions end in a leap second", {"NotOnOrAfter": lambda: "2099-12-31T23:59:60Z"}, FINE),
    ("conditions with whitespace around a time", {"NotOnOrAfter": lambda: f" {stamp(300)} "}, FINE),
):

    def timed(case, changes=changes):
        values = {name: value() for name, value in changes.items()}
        return {"conditions": conditions(audiences(case.site.sp_entity_id), **values)}

    with_assertion(TIMES, what, timed, accepting=accepting)
# Where a calendar ends, a tolerance of a minute is one too many.
ENDS = {
    "the last second": "9999-12-31T23:59:59Z",
    "the first second": "-9999-01-01T00:00:00Z",
    "the year 0": "0000-01-01T00:00:00Z",
}
# Of the last second an end is fine, and a start is not; of the first ones it is the other way round.
AT_THE_END = {
    "conditions' NotBefore": lambda case, value: {"conditions": ours(case, NotBefore=value)},
    "confirmation's NotBefore": lambda case, value: {"confirmation": confirmation(case, NotBefore=value)},
    "IssueInstant": lambda case, value: {"instant": value},
    "conditions' NotOnOrAfter": lambda case, value: {"conditions": ours(case, NotBefore=None, NotOnOrAfter=value)},
    "confirmation's NotOnOrAfter": lambda case, value: {"confirmation": confirmation(case, NotOnOrAfter=value)},
    "SessionNotOnOrAfter": lambda case, value: {"authn": authn(SessionNotOnOrAfter=value)},
    "AuthnInstant": lambda case, value: {"authn": authn(AuthnInstant=value)},
}
for what, value in ENDS.items():
    for name, change in AT_THE_END.items():
        is_end = name.endswith("OnOrAfter")
        accepting = FINE if is_end == (what == "the last second") or name == "AuthnInstant" else HARM
        make = partial(lambda case, change, value: change(case, value), change=change, value=value)
        with_assertion(TIMES, f"{name}: {what} of all", make, accepting=accepting)


@hostile(TIMES, "conditions end in the last second of all, by a foreign key", sites=ALL)
def last_second(case):
    restricted = ours(case, NotOnOrAfter=ENDS["the last second"])
    return case.finish(case.assertion(conditions=restricted), key=case.world.foreign)


with_assertion(
    TIMES, "confirmation without an end", lambda case: {"confirmation": confirmation(case, NotOnOrAfter=None)}
)
with_assertion(
    TIMES,
    "confirmation with a start in the past",
    lambda case: {"confirmation": confirmation(case, NotBefore=stamp(-5))},
    accepting=FINE,
)
with_assertion(TIMES, "the assertion without IssueInstant", lambda case: {"instant": None})
with_assertion(
    TIMES, "the assertion's IssueInstant of last year", lambda case: {"instant": stamp(-366 * 86400)}, accepting=FINE
)
with_response(TIMES, "the response without IssueInstant", lambda case, response: {"instant": None}, accepting=ODD)
with_response(
    TIMES,
    "the response's IssueInstant of last year",
    lambda case, response: {"instant": stamp(-366 * 86400)},
    accepting=FINE,
)
with_assertion(
    TIMES, "AuthnInstant in an hour", lambda case: {"authn": authn(AuthnInstant=stamp(3600))}, accepting=FINE
)
with_assertion(
    TIMES, "AuthnInstant of last year", lambda case: {"authn": authn(AuthnInstant=stamp(-366 * 86400))}, accepting=FINE
)
with_assertion(
    TIMES, "SessionNotOnOrAfter an hour ago", lambda case: {"authn": authn(SessionNotOnOrAfter=stamp(-3600))}
)
with_assertion(
    TIMES, "SessionNotOnOrAfter a word", lambda case: {"authn": authn(SessionNotOnOrAfter="teatime")}, accepting=ODD
)

# Where it goes and where it is from.

ADDRESSES = "addresses"
RECIPIENTS = {
    "another": lambda url: "https://looking-glass.example/acs",
    "none": lambda url: None,
    "an empty one": lambda url: "",
    "ours with a slash": lambda url: url + "/",
    "ours with a tail": lambda url: url + ".evil",
    "ours with a query": lambda url: url + "?x=y",
    "ours with a fragment": lambda url: url + "#x",
    "ours cut short": lambda url: url[:-1],
    "ours in capitals": lambda url: url.upper(),
    "ours with a user": lambda url: url.replace("://", "://evil@"),
    "ours without a scheme": lambda url: url.partition(":")[2],
    "our host alone": lambda url: "/".join(url.split("/")[:3]),
    "ours and another": lambda url: f"{url} https://looking-glass.example/",
    "ours with dots": lambda url: url.replace("/saml/", "/saml/../saml/"),
    "ours escaped": lambda url: url.replace("sso", "%73so"),
}
for what, change in RECIPIENTS.items():
    with_assertion(
        ADDRESSES,
        f"Recipient: {what}",
        lambda case, change=change: {"confirmation": confirmation(case, Recipient=change(case.site.acs_url))},
    )
    with_response(
        ADDRESSES,
        f"Destination: {what}",
        lambda case, response, change=change: {"more": {**response.more, "Destination": change(case.site.acs_url)}},
        # What is not signed need not say where it goes; some say nothing by an empty one.
        fine_at=("assertion", "neither") if what in ("none", "an empty one") else (),
    )


@hostile(ADDRESSES, "Recipient: another configuration's of the same IdP", sites=SSO)
def other_recipient(case):
    other = case.world.sites["neither" if case.site.name != "neither" else "both"]
    return case.finish(case.assertion(confirmation=confirmation(case, Recipient=other.acs_url)))


@hostile(ADDRESSES, "all for another configuration of the same IdP", sites=SSO)
def other_configuration(case):
    other = case.at("neither" if case.site.name != "neither" else "both")
    return other.finish(other.assertion(name_id=name_id(case.name)), mode=case.site.mode)


ISSUERS = {
    "another": lambda entity: "<saml:Issuer>https://looking-glass.example/</saml:Issuer>",
    "an empty one": lambda entity: "<saml:Issuer></saml:Issuer>",
    "ours with a slash": lambda entity: f"<saml:Issuer>{entity}/</saml:Issuer>",
    "ours with a tail": lambda entity: f"<saml:Issuer>{entity}.evil</saml:Issuer>",
    "ours in capitals": lambda entity: f"<saml:Issuer>{entity.upper()}</saml:Issuer>",
    "of another format": lambda entity: (
        f'<saml:Issuer Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">{entity}</saml:Issuer>'
    ),
    "ours in an element": lambda entity: f"<saml:Issuer><x>{entity}</x></saml:Issuer>",
    "ours as an attribute": lambda entity: f'<saml:Issuer Issuer="{entity}"/>',
}
for what, change in ISSUERS.items():
    with_assertion(
        ADDRESSES,
        f"the assertion's Issuer: {what}",
        lambda case, change=change: {"issuer": change(case.site.idp.entity)},
    )
    with_response(
        ADDRESSES,
        f"the response's Issuer: {what}",
        lambda case, response, change=change: {"issuer": change(case.site.idp.entity)},
    )
with_assertion(ADDRESSES, "the assertion's Issuer: none", lambda case: {"issuer": ""})
# One that is signed has to say whose it is; but only the assertion's is what counts.
with_response(
    ADDRESSES, "the response's Issuer: none", lambda case, response: {"issuer": ""}, accepting=ODD, fine_at=SSO
)

# What it answers.

CORRELATION = "in response to"


@hostile(CORRELATION, "what nobody asked", sites=SSO + SOLICITED)
def unknown_request(case):
    case._asked = fresh_id()
    return case.finish()


@hostile(CORRELATION, "what nobody asked, says the confirmation alone", sites=SSO + SOLICITED)
def unknown_in_confirmation(case):
    return case.finish(case.assertion(confirmation=confirmation(case, InResponseTo=fresh_id())))


@hostile(CORRELATION, "what nobody asked, says the response alone", sites=SSO + SOLICITED)
def unknown_in_response(case):
    response = case.response()
    response.more["InResponseTo"] = fresh_id()
    return case.finish(response=response)


@hostile(CORRELATION, "nothing", sites=SOLICITED)
def to_nothing(case):
    response = case.response()
    response.more["InResponseTo"] = None
    return case.finish(case.assertion(confirmation=confirmation(case, InResponseTo=None)), response)


@hostile(CORRELATION, "nothing, says the confirmation", sites=SOLICITED, accepting=ODD)
def confirmation_to_nothing(case):
    return case.finish(case.assertion(confirmation=confirmation(case, InResponseTo=None)))


@hostile(CORRELATION, "nothing, says the response", sites=SOLICITED, accepting=ODD)
def response_to_nothing(case):
    response = case.response()
    response.more["InResponseTo"] = None
    return case.finish(response=response)


@hostile(CORRELATION, "an empty id", sites=SSO + SOLICITED)
def to_empty(case):
    case._asked = ""
    return case.finish()


@hostile(CORRELATION, "another configuration's request", sites=SSO + SOLICITED)
def of_another_configuration(case):
    other = case.world.sites["neither" if case.site.name != "neither" else "both"]
    case._asked = other.login()
    return case.finish()


@hostile(CORRELATION, "another request of the same, says the confirmation", sites=SOLICITED)
def of_another_request(case):
    return case.finish(case.assertion(confirmation=confirmation(case, InResponseTo=case.site.login())))


@hostile(CORRELATION, "a request that was answered before, by another assertion", sites=SOLICITED)
def answered_before(case):
    case.before.append((case.site, case.finish()))
    return case.finish()


@hostile(CORRELATION, "a request that was answered before, where one need not have asked", sites=SSO)
def answered_before_unsolicited(case):
    case._asked = case.site.login()
    case.before.append((case.site, case.finish()))
    return case.finish()


@hostile(CORRELATION, "a request's id and one more", sites=SOLICITED)
def and_one_more(case):
    case._asked = f"{case.in_response_to} {fresh_id()}"
    return case.finish()


@hostile(CORRELATION, "a request's id in capitals", sites=SOLICITED)
def in_capitals(case):
    case._asked = case.in_response_to.swapcase()
    return case.finish()


@hostile(CORRELATION, "a request's id as a pattern", sites=SOLICITED)
def as_pattern(case):
    case._asked = case.in_response_to[:4] + "%"
    return case.finish()


# A second time.

REPLAYED = "replayed"


@hostile(REPLAYED, "the same document", sites=ALL + SOLICITED)
def the_same(case):
    text = case.finish()
    case.before.append((case.site, text))
    return text


@hostile(REPLAYED, "the same assertion in another response", sites=("both", "assertion", "neither"))
def another_response(case):
    inner = case.assertion().signed()
    texts = []
    for _ in range(2):
        response = case.response(inner)
        texts.append(response.signed() if case.site.mode == "both" else response.xml())
    case.before.append((case.site, texts[0]))
    return texts[1]


@hostile(REPLAYED, "an assertion of the same id, signed anew", sites=ALL)
def same_id(case):
    assertion = case.assertion()
    case.before.append((case.site, case.finish(assertion)))
    assertion.signature = ""
    assertion.instant = stamp(1)
    return case.finish(assertion)


@hostile(REPLAYED, "the same document, with whitespace behind", sites=ALL)
def whitespace_behind(case):
    text = case.finish()
    case.before.append((case.site, text))
    return text + "\n"


@hostile(REPLAYED, "the same document, its signature written in other lines", sites=ALL)
def other_lines(case):
    text = case.finish()
    case.before.append((case.site, text))
    return text.replace("\n", "")


@hostile(REPLAYED, "the bare assertion of a response that signed in", sites=("assertion", "neither"))
def by_the_other_door(case):
    assertion = case.assertion()
    case.before.append((case.site, case.response(assertion.signed()).xml()))
    assertion.signature = ""
    return at_grant(case, assertion)


@hostile(
    REPLAYED, "at the grant, the assertion of a response that signed in at the same configuration", sites=("grant",)
)
def by_the_grant(case):
    inner = case.assertion().signed()
    case.before.append((case.site, case.response(inner).signed(), "sso"))
    return inner


@hostile(REPLAYED, "at sso, the assertion that got a token by the grant", sites=("grant",))
def by_sso(case):
    inner = case.assertion().signed()
    case.before.append((case.site, inner))
    return Post(octets=case.response(inner).signed().encode(), door="sso")


# Who confirms the subject.

SUBJECT = "subject"
HOLDER = BEARER.replace("bearer", "holder-of-key")
VOUCHES = BEARER.replace("bearer", "sender-vouches")
for what, make, accepting in (
    ("no confirmation", lambda case: "", HARM),
    ("a confirmation without data", lambda case: f'<saml:SubjectConfirmation Method="{BEARER}"/>', HARM),
    ("holder-of-key alone", lambda case: confirmation(case, HOLDER), HARM),
    ("sender-vouches alone", lambda case: confirmation(case, VOUCHES), HARM),
    ("a method that nobody knows", lambda case: confirmation(case, "urn:wonderland:grin"), HARM),
    ("no method", lambda case: confirmation(case).replace(f' Method="{BEARER}"', ""), HARM),
    ("an empty method", lambda case: confirmation(case, ""), HARM),
    ("the method in capitals", lambda case: confirmation(case, BEARER.upper()), HARM),
    ("the method of SAML 1.1", lambda case: confirmation(case, BEARER.replace("2.0", "1.0")), HARM),
    ("holder-of-key, then a bearer", lambda case: confirmation(case, HOLDER) + confirmation(case), FINE),
    ("a bearer, then holder-of-key", lambda case: confirmation(case) + confirmation(case, HOLDER), FINE),
    (
        "a late bearer and a good one",
        lambda case: confirmation(case, NotOnOrAfter=stamp(-600)) + confirmation(case),
        FINE,
    ),
    ("a good bearer and another's", lambda case: confirmation(case) + confirmation(case, Recipient="urn:x"), FINE),
    (
        "late, and another's",
        lambda case: confirmation(case, NotOnOrAfter=stamp(-600)) + confirmation(case, Recipient="urn:x"),
        HARM,
    ),
    ("another's address", lambda case: confirmation(case, Address="192.0.2.1"), FINE),
    ("two data, the first late", lambda case: doubled_data(case, NotOnOrAfter=stamp(-600)), HARM),
    ("two data, the first another's", lambda case: doubled_data(case, Recipient="urn:x"), HARM),
):
    with_assertion(SUBJECT, what, lambda case, make=make: {"confirmation": make(case)}, accepting=accepting)


def doubled_data(case, **first):
    good = confirmation(case)
    start = good.index("<saml:SubjectConfirmationData")
    other = confirmation(case, **first)
    other = other[other.index("<saml:SubjectConfirmationData") : other.index("</saml:SubjectConfirmation>")]
    return good[:start] + other + good[start:]


for what, make, accepting in (
    ("no NameID", lambda case: "", HARM),
    ("two NameID", lambda case: name_id(case.name) + name_id(case.evil), HARM),
    (
        "a BaseID",
        lambda case: f'<saml:BaseID xmlns:xsi="{XSI}" xsi:type="w:x" xmlns:w="urn:w">{case.name}</saml:BaseID>',
        HARM,
    ),
    ("a NameID of SAML 1.1", lambda case: f"<saml:NameIdentifier>{case.name}</saml:NameIdentifier>", HARM),
    ("an EncryptedID of nothing", lambda case: "<saml:EncryptedID/>", HARM),
    ("an empty NameID", lambda case: name_id(""), HARM),
    ("a NameID of whitespace", lambda case: name_id(" \n\t "), HARM),
    ("a NameID in another element", lambda case: f"<x>{name_id(case.name)}</x>", HARM),
    ("a NameID in a NameID", lambda case: name_id(name_id(case.name)), HARM),
    ("the NameID as an attribute", lambda case: f'<saml:NameID NameID="{case.name}"/>', HARM),
    (
        "a NameID of the whole entity",
        lambda case: name_id(case.name, Format="urn:oasis:names:tc:SAML:2.0:nameid-format:entity"),
        FINE,
    ),
    (
        "a NameID that is encrypted, says its format",
        lambda case: name_id(case.name, Format="urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted"),
        FINE,
    ),
    ("a NameID of a format that nobody knows", lambda case: name_id(case.name, Format="urn:wonderland"), FINE),
    (
        "a NameID of another's qualifier",
        lambda case: name_id(case.name, NameQualifier="urn:x", SPNameQualifier="urn:y"),
        FINE,
    ),
    (
        "a transient NameID",
        lambda case: name_id(case.name, Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient"),
        FINE,
    ),
):
    with_assertion(SUBJECT, what, lambda case, make=make: {"name_id": make(case)}, accepting=accepting)
with_assertion(SUBJECT, "none", lambda case: {"subject": ""})
with_assertion(SUBJECT, "an empty one", lambda case: {"subject": "<saml:Subject/>"})
with_assertion(
    SUBJECT,
    "an evil NameID in the confirmation",
    lambda case: {"confirmation": confirmation(case, content=name_id(case.evil))},
    accepting=FINE,
)

# What the IdP says came of it.

STATUS = "status"
PREFIX = SUCCESS.removesuffix("Success")
for what, make, accepting in (
    ("Responder", lambda: status(PREFIX + "Responder"), HARM),
    ("Requester", lambda: status(PREFIX + "Requester"), HARM),
    ("VersionMismatch", lambda: status(PREFIX + "VersionMismatch"), HARM),
    ("AuthnFailed in Responder", lambda: status(PREFIX + "Responder", code("AuthnFailed")), HARM),
    ("Success in Responder", lambda: status(PREFIX + "Responder", code("Success")), HARM),
    ("Responder in Success", lambda: status(SUCCESS, code("Responder")), FINE),
    ("none", lambda: "", HARM),
    ("an empty one", lambda: "<samlp:Status/>", HARM),
    ("a code without a value", lambda: "<samlp:Status><samlp:StatusCode/></samlp:Status>", HARM),
    ("an empty code", lambda: status(""), HARM),
    ("Success without its prefix", lambda: status("Success"), HARM),
    ("Success in capitals", lambda: status(SUCCESS.upper()), HARM),
    ("Success of SAML 1.1", lambda: status(SUCCESS.replace("2.0", "1.1")), HARM),
    ("Success with a tail", lambda: status(SUCCESS + "ful"), HARM),
    (
        "Success as a message",
        lambda: status(PREFIX + "Responder", rest=f"<samlp:StatusMessage>{SUCCESS}</samlp:StatusMessage>"),
        HARM,
    ),
    ("two codes, Success first", lambda: two_codes("Success", "Responder"), HARM),
    ("two codes, Success second", lambda: two_codes("Responder", "Success"), HARM),
    (
        "Success in another namespace",
        lambda: status().replace("<samlp:Status>", '<samlp:Status xmlns:samlp="urn:x">'),
        HARM,
    ),
):
    with_response(STATUS, what, lambda case, response, make=make: {"status": make()}, accepting=accepting)


def code(name):
    return f'<samlp:StatusCode Value="{PREFIX}{name}"/>'


def two_codes(first, second):
    return f"<samlp:Status>{code(first)}{code(second)}</samlp:Status>"


# What an assertion has to be.

SHAPE = "statements and shape"
for what, changes, accepting in (
    ("no AuthnStatement", {"authn": ""}, HARM),
    ("no statement at all", {"authn": "", "statement": ""}, HARM),
    ("an AuthnStatement of SAML 1.1", {"authn": "<saml:AuthenticationStatement/>"}, HARM),
    ("an empty AuthnStatement", {"authn": "<saml:AuthnStatement/>"}, FINE),
    (
        "an AuthzDecisionStatement alone",
        {
            "authn": '<saml:AuthzDecisionStatement Resource="x" Decision="Permit"><saml:Action Namespace="urn:x">x'
            "</saml:Action></saml:AuthzDecisionStatement>"
        },
        HARM,
    ),
    ("the version 1.1", {"version": "1.1"}, HARM),
    ("the version 2.1", {"version": "2.1"}, HARM),
    ("the version 2", {"version": "2"}, HARM),
    ("no version", {"version": None}, HARM),
    ("an empty version", {"version": ""}, HARM),
    ("no ID", {"id": None}, HARM),
    ("an empty ID", {"id": ""}, HARM),
    ("an ID with a digit first", {"id": lambda: "1" + fresh_id()}, FINE),
    ("an ID that is no name", {"id": lambda: f"1 {fresh_id()} 3"}, FINE),
    ("an ID of an id function", {"id": lambda: f"{fresh_id()}')]|//*[('"}, FINE),
    ("an ID of ten kilobytes", {"id": lambda: "x" * 10240 + fresh_id()}, FINE),
):

    def shaped(case, changes=changes):
        assertion = case.assertion(**{name: it() if callable(it) else it for name, it in changes.items()})
        if case.site.mode == "response":
            return case.finish(assertion)
        try:
            return case.finish(assertion)
        except xmlsec.Refused:
            return case.finish(case.assertion()).replace(' ID="', ' id="')

    # RFC 7522 wants an AuthnStatement of an IdP that saw the user itself, and none of one that did not.
    fine_at = GRANT if "tatement" in what else ()
    register(SHAPE, what, shaped, sites=ALL, accepting=accepting, fine_at=fine_at)
for what, changes, accepting in (
    ("no assertion", {"children": []}, HARM),
    ("the response's version 1.1", {"version": "1.1"}, HARM),
    ("the response's version none", {"version": None}, HARM),
    ("the response's ID none", {"id": None}, ODD),
):

    def response_shaped(case, changes=changes):
        inner = [case.assertion().signed()]
        response = case.response(**{"children": inner, **changes})
        if case.site.mode not in ("response", "both"):
            return response.xml()
        try:
            return response.signed()
        except xmlsec.Refused:
            return response.xml()

    register(SHAPE, what, response_shaped, accepting=accepting)


@hostile(SHAPE, "the assertion in a wrapper")
def wrapped(case):
    return case.wrap(f'<w:Wrapper xmlns:w="urn:wonderland">{case.assertion().signed()}</w:Wrapper>')


@hostile(SHAPE, "the assertion in Extensions")
def in_extensions(case):
    response = case.response(extensions=f"<samlp:Extensions>{case.assertion().signed()}</samlp:Extensions>")
    return response.signed() if case.site.mode in ("response", "both") else response.xml()


@hostile(SHAPE, "harmless Extensions", accepting=FINE)
def extensions(case):
    """The standard has them, for who agreed on what is in them."""
    response = case.response(extensions='<samlp:Extensions><w:tea xmlns:w="urn:wonderland"/></samlp:Extensions>')
    return case.finish(response=response)


@hostile(SHAPE, "the assertion ahead of the status", accepting=FINE)
def ahead_of_status(case):
    response = case.response(extensions=case.assertion().signed())
    return response.signed() if case.site.mode in ("response", "both") else response.xml()


for kind in (
    "ArtifactResponse",
    "LogoutResponse",
    "AuthnRequest",
    "ManageNameIDResponse",
    "NameIDMappingResponse",
    "response",
):

    def other_kind(case, kind=kind):
        """All that a Response has, by another name."""
        case.ids = [("ID", f"{SAMLP}:{kind}")]
        text = case.response(case.assertion().signed())
        signed = text.signed()
        return signed.replace("samlp:Response", f"samlp:{kind}")

    register(SHAPE, f"a Response that is called {kind}", other_kind)


@hostile(SHAPE, "a bare assertion where a response belongs")
def bare_assertion(case):
    return case.assertion().signed()


@hostile(SHAPE, "a response where a bare assertion belongs", sites=GRANT)
def whole_response(case):
    return case.response(case.assertion().signed()).signed()


@hostile(SHAPE, "a bare assertion at the grant, that nobody asked for, where one has to ask", sites=SOLICITED)
def not_allowed(case):
    case._asked = ""
    return at_grant(case, case.assertion(confirmation=confirmation(case, InResponseTo=None)))


# What may come unsolicited may come by this door, too.
@hostile(SHAPE, "a bare assertion at the grant, where one need not have asked", accepting=FINE)
def allowed(case):
    return at_grant(case, case.assertion())


def at_grant(case, assertion):
    octets = assertion.signed().encode()
    body, content_type = form(Post(octets=octets), case.at("grant"))
    return Post(octets=octets, body=body, content_type=content_type, door="grant")


# Users of others.

USERS = "users of others"
for name in ("admin", "anchore-system", "system", "anonymous", "_api_key", "ADMIN", "Admin", "root"):

    def somebody(case, name=name):
        """The IdP may say what it likes: those of Kedge itself are not its own."""
        case.name = name
        return case.finish()

    own = name in ("ADMIN", "Admin", "root", "system", "anonymous")
    register(USERS, name, somebody, sites=("both",), accepting=FINE if own else HARM)


@hostile(USERS, "a native user", sites=ALL)
def native(case):
    case.name = case.world.native
    return case.finish()


@hostile(USERS, "a user that another IdP signed in", sites=ALL)
def of_another_idp(case):
    other = case.at("other")
    other.name = case.name
    case.before.append((other.site, other.finish()))
    return case.finish()


@hostile(USERS, "a user that another configuration of the same IdP signed in", sites=SSO)
def of_another_configuration_of_it(case):
    other = case.at("neither" if case.site.name != "neither" else "both")
    other.name = case.name
    case.before.append((other.site, other.finish()))
    return case.finish()


for what, make in {
    "a slash": lambda name: f"{name}/x",
    "dots alone": lambda name: "..",
    "a quote": lambda name: f"{name}'--",
    "an angle bracket": lambda name: f"{name}&lt;script&gt;",
    "a percent sign": lambda name: f"{name}%00x",
    "a newline": lambda name: f"{name}&#10;x",
    "a tab": lambda name: f"{name}&#9;x",
    "one letter": lambda name: "a",
    "130 letters": lambda name: "a" * 130,
    "a hyphen last": lambda name: f"{name}-",
    "a star": lambda name: "*",
    "braces": lambda name: f"{{{name}}}",
    "a backslash": lambda name: f"{name}\\x",
    "a domain": lambda name: f"WONDERLAND\\{name}",
    "emoji": lambda name: f"{name}😺",
}.items():

    def no_name(case, make=make):
        return case.finish(case.assertion(name_id=name_id(make(case.name))))

    register(USERS, f"a name with {what}", no_name, sites=ALL)
for what, content in {
    "spaces around the name": "  {}  ",
    "newlines around the name": "\n{}\n",
    "spaces behind it": "{}  ",
    "spaces before it": "  {}",
}.items():

    def padded(case, content=content):
        return case.finish(case.assertion(name_id=name_id(content.format(case.name))))

    register(USERS, what, padded, sites=ALL, accepting=FINE)
