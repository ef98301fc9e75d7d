//! A moment on the wire: `2026-11-22T19:34:43Z`, UTC, to the second.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use time::{OffsetDateTime, PrimitiveDateTime, format_description::FormatItem, macros::format_description};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, ObjectBuilder, RefOr, SchemaFormat,
        schema::{Schema, Type},
    },
};

const FORMAT: &[FormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
/// How many bytes a moment has.
const LENGTH: usize = 20;

/// A moment on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub OffsetDateTime);

impl Timestamp {
    /// The text: every answer has some, and a description of a format that is read anew each time takes ten times as
    /// long. A year has four digits: what is later or earlier than these is written as the last or the first of them.
    fn text(self) -> [u8; LENGTH] {
        let utc = self.0.to_offset(time::UtcOffset::UTC);
        let year = utc.year().clamp(0, 9999).unsigned_abs();
        let [century, of_century] = [year / 100, year % 100].map(|part| u8::try_from(part).unwrap_or_default());
        let pairs = [century, of_century, utc.month().into(), utc.day(), utc.hour(), utc.minute(), utc.second()];
        let mut text = *b"0000-00-00T00:00:00Z";
        for (at, pair) in [0, 2, 5, 8, 11, 14, 17].into_iter().zip(pairs) {
            if let Some([tens, ones]) = text.get_mut(at..at + 2) {
                (*tens, *ones) = (b'0' + pair / 10, b'0' + pair % 10);
            }
        }
        text
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).map_err(|_| std::fmt::Error)?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.text()).map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // The parser would take a sign before the year.
        let moment = PrimitiveDateTime::parse(&text, FORMAT).ok().filter(|_| text.len() == LENGTH);
        moment
            .map(|moment| Self(moment.assume_utc()))
            .ok_or_else(|| D::Error::custom("must be a UTC time such as 2027-01-31T23:59:59Z"))
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .pattern(Some("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"))
            .description(Some("A time in UTC, to the second."))
            .into()
    }
}

impl ToSchema for Timestamp {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn moment_is_written_in_utc_to_the_second() {
        let moment = Timestamp(datetime!(2026-11-22 20:34:43.987 +1));
        assert_eq!(serde_json::to_string(&moment).unwrap(), "\"2026-11-22T19:34:43Z\"");
    }

    proptest! {
        #[test]
        fn every_moment_is_written_in_the_one_format(seconds in -62_167_219_200..=253_402_300_799_i64) {
            let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            prop_assert_eq!(Timestamp(moment).to_string(), moment.format(FORMAT).unwrap());
        }
    }

    #[test]
    fn only_the_one_format_is_read() {
        let read = |text: &str| serde_json::from_value::<Timestamp>(text.into());
        assert_eq!(read("2028-02-29T23:59:59Z").unwrap().0, datetime!(2028-02-29 23:59:59 UTC));
        for wrong in [
            "2027-02-29T00:00:00Z",
            "2027-01-01T00:00:00+00:00",
            "2027-01-01T00:00:00.5Z",
            "2027-01-01 00:00:00Z",
            "2027-01-01",
            "+2027-01-01T00:00:00Z",
            "2027-01-01T00:00:00z",
            "12027-01-01T00:00:00Z",
            "",
            "2027-01-01T24:00:00Z",
            " 2027-01-01T00:00:00Z",
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
