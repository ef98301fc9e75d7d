//! A moment on the wire: `2026-11-22T19:34:43Z`, UTC, to the second.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
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

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.to_offset(time::UtcOffset::UTC).format(FORMAT).map_err(|_| std::fmt::Error)?;
        f.write_str(&text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
            .into()
    }
}

impl ToSchema for Timestamp {}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn moment_is_written_in_utc_to_the_second() {
        let moment = Timestamp(datetime!(2026-11-22 20:34:43.987 +1));
        assert_eq!(serde_json::to_string(&moment).unwrap(), "\"2026-11-22T19:34:43Z\"");
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
