//! What a message says, read from the tree that was verified, and whether it was said by whom, to whom, when and in
//! answer to what it must be (SAML core, 2.3 to 2.7 and 3.2; profiles, 4.1.4.3; RFC 7522, 3).

use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Expected, Refused, Result,
    document::{self, Element},
    shape::{ASSERTION, PROTOCOL},
};

/// How far clocks may differ.
pub const SKEW: Duration = Duration::seconds(60);

/// How long an assertion may count at most: for as long it is remembered that it was taken.
const LONGEST: Duration = Duration::days(366);

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

/// What was said of a user.
#[derive(Debug)]
pub struct Said {
    pub name_id: String,
    /// Name and values, in the order in which they stand.
    pub attributes: Vec<(String, Vec<String>)>,
    pub assertion_id: String,
    pub when: When,
    /// The message that says it, decrypted.
    pub xml: String,
}

impl Said {
    /// The message with the values of its signatures left out: what a log may hold, and nobody can present again.
    #[must_use]
    pub fn without_signature_values(&self) -> String {
        let mut spans = Vec::new();
        let read = document::parse(&self.xml, &document::MESSAGE).and_then(|root| {
            root.visit(&mut |element, _| {
                if element.name == "SignatureValue" {
                    spans.push(element.span.clone());
                }
                Ok(())
            })
        });
        let mut shown = if read.is_ok() { self.xml.clone() } else { String::new() };
        for span in spans.into_iter().rev() {
            shown.replace_range(span, "<SignatureValue/>");
        }
        shown
    }
}

/// Until when it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    /// After it no one will take it any more, whatever their clock.
    pub forgotten_after: OffsetDateTime,
    /// When the user's session at the identity provider ends.
    pub session_until: Option<OffsetDateTime>,
}

/// What an assertion says of itself.
#[derive(Debug)]
pub struct Claimed {
    pub issuer: String,
    pub audiences: Vec<String>,
    pub recipients: Vec<String>,
    /// The request that it says it answers.
    pub in_response_to: Option<String>,
}

/// How far away a moment may be for the library, which reckons with them and has no answer for what no calendar holds.
const FARTHEST: Duration = Duration::days(100 * 366);

/// Whether every moment in it is one that the library can reckon with: it does so before it has looked at the digits.
///
/// # Errors
/// That one cannot.
pub fn are_near(root: &Element, now: OffsetDateTime) -> Result<()> {
    const MOMENTS: [&str; 5] = ["IssueInstant", "NotBefore", "NotOnOrAfter", "AuthnInstant", "SessionNotOnOrAfter"];
    root.visit(&mut |element, _| {
        for name in MOMENTS {
            if moment(element, name)?.is_some_and(|said| (said - now).abs() > FARTHEST) {
                return Err(Refused::with(format!("{name} is further away than a lifetime")));
            }
        }
        Ok(())
    })
}

/// Reads and judges a response.
///
/// # Errors
/// What is not as expected.
pub fn of_response(root: &Element, expected: &Expected<'_>, now: OffsetDateTime) -> Result<Said> {
    is_version_2(root)?;
    let status = root.one(PROTOCOL, "Status")?.one(PROTOCOL, "StatusCode")?.attribute("Value").unwrap_or_default();
    if status != SUCCESS {
        return Err(Refused::with(format!("the identity provider answered {status:.200}")));
    }
    if let Some(issuer) = root.at_most_one(ASSERTION, "Issuer")? {
        is_issuer(issuer, expected.issuer)?;
    }
    is_issued(root, now)?;
    // Core, 3.2.2, and bindings, 3.5.5.2: who signs a response says where it goes.
    let is_signed = root.at_most_one(super::shape::SIGNATURE, "Signature")?.is_some();
    match root.attribute("Destination") {
        Some(destination) if expected.recipients.contains(&destination) => {}
        None if !is_signed => {}
        _ => return Err(Refused::because("sent to another destination")),
    }
    answers(root.attribute("InResponseTo"), expected.in_response_to)?;
    let assertion = root.one(ASSERTION, "Assertion")?;
    // Profiles, 4.1.4.2: whoever comes by the browser was authenticated just now.
    if assertion.all(ASSERTION, "AuthnStatement").next().is_none() {
        return Err(Refused::because("does not say that the user was authenticated"));
    }
    of_assertion(assertion, expected, now)
}

/// Reads and judges an assertion.
///
/// # Errors
/// What is not as expected.
pub fn of_assertion(assertion: &Element, expected: &Expected<'_>, now: OffsetDateTime) -> Result<Said> {
    is_version_2(assertion)?;
    is_issuer(assertion.one(ASSERTION, "Issuer")?, expected.issuer)?;
    is_issued(assertion, now)?;
    let subject = assertion.one(ASSERTION, "Subject")?;
    let name_id = subject.one(ASSERTION, "NameID")?.text()?.to_owned();
    let confirmed_until = confirmed_until(subject, expected, now)?;
    let conditions = assertion.one(ASSERTION, "Conditions")?;
    is_within(conditions, now)?;
    is_for(conditions, expected.audience)?;
    let conditions_until = moment(conditions, "NotOnOrAfter")?;
    let until = conditions_until.map_or(confirmed_until, |until| until.max(confirmed_until));
    if until > now + LONGEST {
        return Err(Refused::because("counts for longer than a year"));
    }
    Ok(Said {
        name_id,
        attributes: attributes(assertion)?,
        assertion_id: assertion.attribute("ID").unwrap_or_default().to_owned(),
        when: When { forgotten_after: until + SKEW * 2, session_until: session_until(assertion, now)? },
        xml: String::new(),
    })
}

/// Reads what an assertion says of itself, and judges nothing.
///
/// # Errors
/// What is missing.
pub fn claimed(assertion: &Element) -> Result<Claimed> {
    let audiences = assertion.one(ASSERTION, "Conditions")?.all(ASSERTION, "AudienceRestriction");
    let audiences = audiences.flat_map(|restriction| restriction.all(ASSERTION, "Audience"));
    let confirmations = assertion.one(ASSERTION, "Subject")?.all(ASSERTION, "SubjectConfirmation");
    let data: Vec<_> =
        confirmations.flat_map(|confirmation| confirmation.all(ASSERTION, "SubjectConfirmationData")).collect();
    let named = |attribute| data.iter().filter_map(move |data| data.attribute(attribute).map(str::to_owned));
    Ok(Claimed {
        issuer: assertion.one(ASSERTION, "Issuer")?.text()?.to_owned(),
        audiences: audiences.map(|audience| audience.text().map(str::to_owned)).collect::<Result<_>>()?,
        recipients: named("Recipient").collect(),
        in_response_to: named("InResponseTo").next(),
    })
}

fn is_version_2(element: &Element) -> Result<()> {
    if element.attribute("Version") == Some("2.0") { Ok(()) } else { Err(Refused::because("not of version 2.0")) }
}

fn is_issuer(issuer: &Element, expected: &str) -> Result<()> {
    if issuer.attribute("Format").is_none_or(|format| format == ENTITY) && issuer.text()? == expected {
        return Ok(());
    }
    Err(Refused::because("issued by another entity"))
}

/// When it was issued is no end of anything, but must not lie ahead.
fn is_issued(element: &Element, now: OffsetDateTime) -> Result<()> {
    let issued = moment(element, "IssueInstant")?;
    let issued = issued.ok_or_else(|| Refused::with(format!("{} has no IssueInstant", element.name)))?;
    if issued > now + SKEW {
        return Err(Refused::because("issued in the future"));
    }
    Ok(())
}

fn answers(in_response_to: Option<&str>, expected: Option<&str>) -> Result<()> {
    if in_response_to == expected { Ok(()) } else { Err(Refused::because("answers another request, or none")) }
}

/// Until when the subject is confirmed by bearers' confirmations that are meant for here, one of which must count now.
/// Others confirm nothing.
fn confirmed_until(subject: &Element, expected: &Expected<'_>, now: OffsetDateTime) -> Result<OffsetDateTime> {
    let mut until: Option<OffsetDateTime> = None;
    let (mut counts, mut refusal) = (false, Refused::because("no confirmation of a bearer"));
    for confirmation in subject.all(ASSERTION, "SubjectConfirmation") {
        if confirmation.attribute("Method") != Some(BEARER) {
            continue;
        }
        let judged = by_bearer(confirmation, expected).and_then(|(data, end)| {
            // One that does not count now may do so later, or in answer to something else.
            until = until.max(Some(end));
            answers(data.attribute("InResponseTo"), expected.in_response_to)?;
            is_within(data, now)
        });
        match judged {
            Ok(()) => counts = true,
            Err(why) => refusal = why,
        }
    }
    until.filter(|_| counts).ok_or(refusal)
}

/// A bearer's confirmation that is meant for here, and its end.
fn by_bearer<'a>(confirmation: &'a Element, expected: &Expected<'_>) -> Result<(&'a Element, OffsetDateTime)> {
    let data = confirmation.one(ASSERTION, "SubjectConfirmationData")?;
    if !data.attribute("Recipient").is_some_and(|recipient| expected.recipients.contains(&recipient)) {
        return Err(Refused::because("meant for another recipient"));
    }
    let end = moment(data, "NotOnOrAfter")?.ok_or(Refused::because("confirmed without an end"))?;
    Ok((data, end))
}

/// `NotBefore` and `NotOnOrAfter`, where they stand.
fn is_within(element: &Element, now: OffsetDateTime) -> Result<()> {
    if moment(element, "NotBefore")?.is_some_and(|begin| begin > now + SKEW) {
        return Err(Refused::because("not valid yet"));
    }
    if moment(element, "NotOnOrAfter")?.is_some_and(|end| end <= now - SKEW) {
        return Err(Refused::because("not valid any more"));
    }
    Ok(())
}

/// Every condition is understood, and each restriction of the audience names us.
fn is_for(conditions: &Element, audience: &str) -> Result<()> {
    let mut restricted = false;
    for condition in &conditions.children {
        match condition.name.as_str() {
            "AudienceRestriction" if condition.namespace == ASSERTION => {
                let mut audiences = Vec::new();
                for named in condition.all(ASSERTION, "Audience") {
                    audiences.push(named.text()?);
                }
                if !audiences.contains(&audience) {
                    return Err(Refused::because("meant for another audience"));
                }
                restricted = true;
            }
            // Each assertion is taken once anyway, and none is passed on.
            "OneTimeUse" | "ProxyRestriction" if condition.namespace == ASSERTION => {}
            _ => return Err(Refused::because("a condition that is not understood")),
        }
    }
    if restricted { Ok(()) } else { Err(Refused::because("meant for no particular audience")) }
}

/// When the session at the identity provider ends.
fn session_until(assertion: &Element, now: OffsetDateTime) -> Result<Option<OffsetDateTime>> {
    let mut until: Option<OffsetDateTime> = None;
    for statement in assertion.all(ASSERTION, "AuthnStatement") {
        let Some(end) = moment(statement, "SessionNotOnOrAfter")? else { continue };
        if end <= now - SKEW {
            return Err(Refused::because("the session at the identity provider is over"));
        }
        until = Some(until.map_or(end, |until| until.min(end)));
    }
    Ok(until)
}

fn attributes(assertion: &Element) -> Result<Vec<(String, Vec<String>)>> {
    let mut read: Vec<(String, Vec<String>)> = Vec::new();
    for statement in assertion.all(ASSERTION, "AttributeStatement") {
        for attribute in statement.all(ASSERTION, "Attribute") {
            let Some(name) = attribute.attribute("Name") else {
                return Err(Refused::because("an attribute without a name"));
            };
            // A value that is no text is none that could be asked for.
            let values =
                attribute.all(ASSERTION, "AttributeValue").filter_map(|value| value.text().ok().map(str::to_owned));
            match read.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => known.extend(values),
                None => read.push((name.to_owned(), values.collect())),
            }
        }
    }
    Ok(read)
}

/// An `xs:dateTime` in UTC (core, 1.3.3).
fn moment(element: &Element, attribute: &str) -> Result<Option<OffsetDateTime>> {
    let Some(text) = element.attribute(attribute) else { return Ok(None) };
    // RFC 3339 would let a space or a small letter stand for the T.
    let is_utc = text.ends_with('Z') && text.as_bytes().get(10) == Some(&b'T');
    let utc = Some(text).filter(|_| is_utc).and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    utc.map(Some).ok_or_else(|| Refused::with(format!("{attribute} is no moment in UTC")))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::{super::Signed, *};

    const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
    const EXPECTED: Expected<'_> = Expected {
        issuer: "urn:idp",
        certificates: &[],
        audience: "urn:sp",
        recipients: &["urn:acs", "urn:token"],
        in_response_to: None,
        signed: Signed { response: false, assertion: false },
    };

    /// Until when it counts that the subject is confirmed by each of these: method, recipient and what else it says.
    fn confirmed(confirmations: &[(&str, &str, &str)]) -> Result<OffsetDateTime> {
        let one = |(method, recipient, rest): &(&str, &str, &str)| {
            format!(
                "<SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:{method}\">\
                 <SubjectConfirmationData Recipient=\"{recipient}\"{rest}/></SubjectConfirmation>"
            )
        };
        let confirmations: String = confirmations.iter().map(one).collect();
        let subject = format!("<Subject xmlns=\"{ASSERTION}\">{confirmations}</Subject>");
        confirmed_until(&document::parse(&subject, &document::MESSAGE).unwrap(), &EXPECTED, NOW)
    }

    fn until(end: &str) -> String {
        format!(" NotOnOrAfter=\"2026-06-01T{end}:00Z\"")
    }

    #[test]
    fn assertion_is_remembered_until_the_last_confirmation_ends() {
        let (soon, late) = (until("12:05"), until("13:00"));
        let later = format!(" NotBefore=\"2026-06-01T12:30:00Z\"{late}");
        let answering = format!(" InResponseTo=\"_1\"{late}");
        let over = until("11:00");
        for (others, end) in [
            (&[("bearer", "urn:token", late.as_str())][..], datetime!(2026-06-01 13:00 UTC)),
            (&[("bearer", "urn:token", &later)], datetime!(2026-06-01 13:00 UTC)),
            (&[("bearer", "urn:acs", &answering)], datetime!(2026-06-01 13:00 UTC)),
            (&[("bearer", "urn:acs", &over)], datetime!(2026-06-01 12:05 UTC)),
            // What never counts.
            (&[("bearer", "urn:other", &late)], datetime!(2026-06-01 12:05 UTC)),
            (&[("sender-vouches", "urn:acs", &late)], datetime!(2026-06-01 12:05 UTC)),
            (&[("bearer", "urn:acs", "")], datetime!(2026-06-01 12:05 UTC)),
        ] {
            let mut all = vec![("bearer", "urn:acs", soon.as_str())];
            all.extend(others);
            assert_eq!(confirmed(&all).unwrap(), end, "{others:?}");
            all.reverse();
            assert_eq!(confirmed(&all).unwrap(), end, "{others:?}");
        }
    }

    #[test]
    fn confirmation_that_counts_later_confirms_nothing_now() {
        let later = format!(" NotBefore=\"2026-06-01T12:30:00Z\"{}", until("13:00"));
        let answering = format!(" InResponseTo=\"_1\"{}", until("13:00"));
        assert_eq!(confirmed(&[("bearer", "urn:acs", &later)]).unwrap_err().to_string(), "not valid yet");
        let refusal = confirmed(&[("bearer", "urn:acs", &answering)]).unwrap_err();
        assert_eq!(refusal.to_string(), "answers another request, or none");
        assert_eq!(confirmed(&[]).unwrap_err().to_string(), "no confirmation of a bearer");
    }
}
