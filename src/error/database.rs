//! What an error of the database means to the caller.

use super::Error;

/// Named constraints that a request can run into: the answer stands beside the name.
fn violated(constraint: &str) -> Option<Error> {
    Some(match constraint {
        "accounts_name_key" => Error::Conflict { what: "Account" },
        "identity_providers_name_key" => Error::Conflict { what: "Identity provider" },
        "user_groups_name_key" => Error::Conflict { what: "User group" },
        "user_group_members_group_id_fkey" => Error::NotFound { what: "User group" },
        "users_username_key" => Error::NameTaken { what: "User" },
        "api_keys_user_id_name_key" => Error::NameTaken { what: "API key" },
        _ => return None,
    })
}

/// Whether a PostgreSQL error code means "not now": connection trouble (08), resources (53), operator
/// intervention (57P), a standby that takes no writes (25006), or a conflict that outlived its retries (40, 55P03).
fn is_passing(code: &str) -> bool {
    code.starts_with("08")
        || code.starts_with("53")
        || code.starts_with("57P")
        || code.starts_with("40")
        || matches!(code, "25006" | "55P03" | "57014")
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let unavailable = match &error {
            sqlx::Error::Database(database) => {
                if let Some(known) = database.constraint().and_then(violated) {
                    return known;
                }
                database.code().is_some_and(|code| is_passing(&code))
            }
            // A proxy without a server behind it speaks no protocol at all.
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => true,
            _ => false,
        };
        if unavailable {
            tracing::error!(error = &error as &dyn std::error::Error, "the database cannot be used");
            return Self::Unavailable("the database cannot be used");
        }
        Self::internal(error)
    }
}
