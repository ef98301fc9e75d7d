//! The stable words of `error_type`, as `GET /v2/system/error-codes` lists them.

use super::Error;
use crate::authz::policy::Denial;

/// Declares the words with what they mean.
macro_rules! kinds {
    ($($variant:ident = $name:literal, $description:literal;)+) => {
        /// What kind of error it is: `error_type` on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorKind { $(#[doc = $description] $variant,)+ }

        impl ErrorKind {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)+ }
            }
        }
    };
}

kinds! {
    AccountNotEnabled = "account_not_enabled",
        "The caller's account, or the requested one, is disabled or being deleted.";
    AlreadyExists = "already_exists", "The name is already taken, perhaps by an account that is still being deleted.";
    InternalError = "internal_error", "The server failed; its log has the reason under the answer's x-request-id.";
    LimitReached = "limit_reached", "The maximum number of such things has been reached.";
    NameTaken = "name_taken", "A user or key of that name already exists.";
    NotAuthorized = "not_authorized", "The caller lacks the permission that the message names.";
    NotFound = "not_found", "What the path or the header names does not exist.";
    NotWithApiKey = "not_with_api_key",
        "API keys cannot be used for this operation; sign in with a password or an access token.";
    RequestRefused = "request_refused", "The request is well-formed, but the rules do not allow it.";
    TooManyAttempts = "too_many_attempts", "Too many sign-ins failed; the Retry-After header says when to try again.";
    Unauthenticated = "unauthenticated", "No valid credential came with the request.";
    Unavailable = "unavailable", "The server cannot answer now; trying again later may help.";
    WrongState = "wrong_state", "The current state does not allow this change.";
}

impl Error {
    /// The kind of an application error; `None` for those that answer a [`super::Problem`].
    pub(super) const fn kind(&self) -> Option<ErrorKind> {
        Some(match self {
            Self::Unauthenticated(_) => ErrorKind::Unauthenticated,
            Self::Forbidden(
                Denial::Permission { .. }
                | Denial::OwnPermission { .. }
                | Denial::NotAdmin
                | Denial::KeysOfSamlUsers
                | Denial::OtherSite
                | Denial::SignIn(_)
                | Denial::NotAccepted,
            ) => ErrorKind::NotAuthorized,
            Self::Forbidden(Denial::AccountNotEnabled { .. }) => ErrorKind::AccountNotEnabled,
            Self::Forbidden(Denial::NotWithApiKey) => ErrorKind::NotWithApiKey,
            Self::NotFound { .. } | Self::NotFoundNamed { .. } => ErrorKind::NotFound,
            Self::Conflict { .. } => ErrorKind::AlreadyExists,
            Self::NameTaken { .. } => ErrorKind::NameTaken,
            Self::Refused(_) => ErrorKind::RequestRefused,
            Self::WrongState(_) | Self::NotChangeable(_) => ErrorKind::WrongState,
            Self::TooMany(_) => ErrorKind::LimitReached,
            Self::TooManyAttempts { .. } => ErrorKind::TooManyAttempts,
            Self::Unavailable(_) => ErrorKind::Unavailable,
            Self::Internal(_) => ErrorKind::InternalError,
            Self::Malformed { .. } | Self::Transport { .. } | Self::MethodNotAllowed { .. } => return None,
        })
    }
}
