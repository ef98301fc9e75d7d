"""Hostile SAML responses, more than a thousand, and good ones beside them, for Kedge's doors: sso and saml2-bearer.

A document is made anew for each configuration that it is sent to, with ids and users that nothing else has: what
refuses it is then its own fault, not that something like it was seen before. Wherever an attacker could get one it
carries a signature that the program xmlsec1 calls valid.

    KEDGE_BINARY=target/debug/kedge python -m corpus --report FILE
    python -m corpus --write DIRECTORY

in tests/saml. The first shows them to a Kedge of its own and writes what came of it; the second only writes them.
"""
