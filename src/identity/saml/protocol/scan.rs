//! A look at the markup ahead of the parser, whose time grows with the square of the attributes of an element: whatever
//! the parser reads must have been counted here, so everything but elements is refused, or stepped over just as the
//! parser does.

use super::{Refused, Result, document::Limits};

pub const MAX_ATTRIBUTES: usize = 32;

pub const CROWDED: Refused = Refused::because("an element with more attributes than may be");
const UNFINISHED: Refused = Refused::because("markup that does not end");

/// Whether the parser may read it.
///
/// # Errors
/// What stands in it that may not.
pub fn may_be_parsed(xml: &str, limits: &Limits) -> Result<()> {
    let mut rest = after_declaration(xml)?;
    while let Some((_, markup)) = rest.split_once('<') {
        rest = match markup.as_bytes().first() {
            Some(b'?') => return Err(Refused::because("holds a processing instruction")),
            Some(b'!') => after_comment(markup, limits)?,
            _ => after_tag(markup)?,
        };
    }
    Ok(())
}

/// What follows the XML declaration, if there is one (XML 1.0, 2.8). None that the parser takes has `?>` in a value.
fn after_declaration(xml: &str) -> Result<&str> {
    let declaration = xml.strip_prefix("<?xml").filter(|rest| rest.starts_with([' ', '\t', '\r', '\n']));
    let Some(declaration) = declaration else { return Ok(xml) };
    declaration.split_once("?>").map(|(_, rest)| rest).ok_or(UNFINISHED)
}

fn after_comment<'a>(markup: &'a str, limits: &Limits) -> Result<&'a str> {
    // `<!-->` is no whole comment: its end is looked for behind its beginning.
    match markup.strip_prefix("!--") {
        Some(comment) if limits.comments => comment.split_once("-->").map(|(_, rest)| rest).ok_or(UNFINISHED),
        Some(_) => Err(Refused::because("holds a comment")),
        None if markup.starts_with("![") => Err(Refused::because("holds a CDATA section")),
        // No other declaration stands outside of one (XML 1.0, 2.8).
        None => Err(Refused::because("has a document type")),
    }
}

fn after_tag(markup: &str) -> Result<&str> {
    let (mut attributes, mut quote) = (0, None);
    for (at, byte) in markup.bytes().enumerate() {
        match (quote, byte) {
            // XML 1.0, 3.1: neither in a value.
            (_, b'<') => return Err(Refused::because("markup in a tag")),
            (Some(open), _) if byte == open => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'=') => attributes += 1,
            (None, b'>') => return Ok(markup.get(at..).unwrap_or_default()),
            _ => {}
        }
        if attributes > MAX_ATTRIBUTES {
            return Err(CROWDED);
        }
    }
    Err(UNFINISHED)
}

#[cfg(test)]
mod tests {
    use super::{super::document::*, *};

    /// An element with more attributes than may be. Behind an open quote, every `=` of it would stand in a value.
    fn crowded() -> String {
        let attributes: Vec<_> = (0..=MAX_ATTRIBUTES).map(|n| format!(" a{n}=\"\"")).collect();
        format!("<x{}/>", attributes.concat())
    }

    #[track_caller]
    fn assert_refused(xml: &str, limits: &Limits, why: &str) {
        assert_eq!(may_be_parsed(xml, limits).unwrap_err().to_string(), why, "{xml}");
        assert!(parse(xml, limits).is_err(), "{xml}");
    }

    #[test]
    fn element_with_too_many_attributes_is_refused() {
        let crowded = crowded();
        for limits in [MESSAGE, METADATA] {
            for xml in [
                crowded.clone(),
                format!("<r>{crowded}</r>"),
                format!("<?xml version=\"1.0\"?>{crowded}"),
                format!("<r a=\"'\">{crowded}</r>"),
                format!("<r>\"{crowded}</r>"),
                format!("<r>=>\"'{crowded}</r>"),
                crowded.replace("=\"\"", "='>'"),
                crowded.replace("=\"\"", "\n=\t'\"'"),
            ] {
                assert_refused(&xml, &limits, "an element with more attributes than may be");
            }
            assert!(may_be_parsed(&crowded.replacen(" a0=\"\"", "", 1), &limits).is_ok());
        }
    }

    #[test]
    fn quote_outside_of_a_tag_hides_no_attributes() {
        let crowded = crowded();
        for (begin, why) in [
            ("<!--\"-->", "holds a comment"),
            ("<?x \"?>", "holds a processing instruction"),
            ("<?xml?>", "holds a processing instruction"),
            ("<?xml version=\"1.0\"?><?x \"?>", "holds a processing instruction"),
            ("<!DOCTYPE x \"", "has a document type"),
            ("<!x \">", "has a document type"),
        ] {
            assert_refused(&format!("{begin}{crowded}"), &MESSAGE, why);
            assert_refused(&format!("<r>{begin}{crowded}</r>"), &MESSAGE, why);
            assert_refused(&format!("<r/>{begin}"), &MESSAGE, why);
        }
        let data = format!("<r><![CDATA[\"]]>{crowded}</r>");
        for limits in [MESSAGE, METADATA] {
            assert_refused(&data, &limits, "holds a CDATA section");
            assert_refused(&format!("<?x \"?>{crowded}"), &limits, "holds a processing instruction");
            assert_refused(&format!("<!DOCTYPE x \"><r/>{crowded}"), &limits, "has a document type");
            assert_refused(&format!("<?xml version=\"1.0{crowded}"), &limits, "markup that does not end");
            assert_refused(&format!("<r a=\"{crowded}"), &limits, "markup in a tag");
            assert_refused(&format!("</r \">{crowded}"), &limits, "markup in a tag");
            assert_refused("<r a=\"", &limits, "markup that does not end");
        }
    }

    #[test]
    fn comment_in_metadata_ends_where_the_parser_says() {
        let crowded = crowded();
        for comment in ["<!--\"-->", "<!--> <x \"-->", "<!---->", "<!-- <x a='\" -->"] {
            assert_refused(&format!("{comment}{crowded}"), &METADATA, "an element with more attributes than may be");
            let commented = format!("{comment}<r>{comment}</r>{comment}");
            assert!(parse(&commented, &METADATA).is_ok(), "{comment}");
        }
        assert!(parse(&format!("<!--{crowded}--><r/>"), &METADATA).is_ok());
        assert_refused(&format!("<!-->{crowded}"), &METADATA, "markup that does not end");
    }

    #[test]
    fn what_is_plain_is_parsed() {
        for xml in ["<r/>", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<r a='\"' b=\"'\">=\"'></r>\n"] {
            assert!(parse(xml, &MESSAGE).is_ok(), "{xml}");
        }
    }
}
