//! A page of a list: an addition to operations that answer the whole one in the contract, and do without it.

use serde::Deserialize;

use super::extract::given;
use crate::error::{Error, Result};

/// Which page of a list is asked for: nothing asks for all of it.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Kedge's addition: only entries with this in their name or description; ASCII letters match in either case.
    search: Option<String>,
    /// Kedge's addition: the page, of `limit` entries each. Without `limit`, the first has all entries and the others
    /// none.
    #[serde(default, deserialize_with = "given")]
    #[param(value_type = i64, required = false, default = 1, minimum = 1, maximum = 1_000_000)]
    page: Option<i64>,
    /// Kedge's addition: entries per page, at most 1,000; left out, all entries.
    #[serde(default, deserialize_with = "given")]
    #[param(value_type = i64, required = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
}

/// The page of a list that is asked for, as SQL takes it.
#[derive(Debug, Default)]
pub struct Page {
    pub search: Option<String>,
    pub limit: Option<i64>,
    pub offset: i64,
}

impl Paging {
    /// The page, if there can be such a one.
    ///
    /// # Errors
    /// 400 with what cannot be.
    pub fn page(self) -> Result<Page> {
        let page = within("page", self.page.unwrap_or(1), 1_000_000)?;
        let limit = self.limit.map(|limit| within("limit", limit, 1000)).transpose()?;
        if self.search.as_deref().is_some_and(|text| text.contains('\0')) {
            return Err(Error::malformed("search", "contains U+0000"));
        }
        // All are on the first page: whoever asks for the next until one is empty comes to an end.
        let limit = limit.or((page > 1).then_some(0));
        Ok(Page { search: self.search, limit, offset: limit.map_or(0, |limit| (page - 1) * limit) })
    }
}

/// A number that is asked for, if it is from 1 to `most`.
///
/// # Errors
/// 400 with the name of what it is not.
pub fn within(name: &str, number: i64, most: i64) -> Result<i64> {
    if (1..=most).contains(&number) {
        return Ok(number);
    }
    Err(Error::malformed(name, format!("must be from 1 to {most}")))
}
