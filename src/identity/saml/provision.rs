//! Makes and keeps the user whom an identity provider vouches for, in one transaction with what makes the answer count
//! only once.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    Idp,
    mapping::Person,
    sign_in_store::{self, Known},
    trail::Made,
};
use crate::{
    audit::{self, record::Actor},
    authn::method::SignInMethod,
    authz::policy::Denial,
    db::WriteError,
    identity::{
        accounts::{Account, AccountState, AccountType, store as accounts},
        roles::store::{self as roles, NewMember},
        sessions::issue::SignedIn,
        users::{
            UserType,
            store::{self as users, NewUser, Vouched},
        },
    },
    state::App,
    system::configurations::in_force,
};

const DELETED: &str = "The user was deleted in the meantime: try again.";

/// The user, made where there is none and that is allowed.
///
/// # Errors
/// 403 where the name is another's, the user would have to be made, or an account takes nobody or lets nobody in.
pub async fn provision(
    db: &mut PgConnection,
    app: &App,
    idp: &Idp,
    person: &Person,
    now: OffsetDateTime,
) -> Result<SignedIn, WriteError> {
    // Accounts before users, as everywhere. Which are needed is known only by the user, so it is looked up first.
    let is_known = sign_in_store::find_known(db, &person.username).await?;
    let first = is_known.as_ref().is_none_or(|user| user.first_sign_in.is_none());
    if is_known.is_none() && (idp.require_existing_users || in_force(db, &app.config).await?.sso_require_existing_users)
    {
        return Err(refused("The user must be created before they can sign in."));
    }
    let (mut held, mut made) = (Vec::new(), Made::new(idp, &person.username));
    if first {
        let mut names = person.accounts.clone();
        if is_known.is_none() && !names.contains(&person.home) {
            names.push(person.home.clone());
            names.sort_unstable();
        }
        for name in &names {
            held.push(account(db, app, idp, name, now, &mut made).await?);
        }
    }
    let user = if let Some(user) = sign_in_store::lock_known(db, &person.username).await? {
        user
    } else {
        let home = held.iter().find(|account| account.name == person.home);
        // Whether it may be made was not asked of a user that was there.
        let home = home.filter(|_| is_known.is_none());
        let home = home.ok_or_else(|| refused(DELETED))?;
        made.user(&home.name);
        insert(db, app, idp, &person.username, home, now).await?
    };
    tell_who(Some(person.username.clone()), idp, Some(user.account.clone()));
    if user.idp_id != Some(idp.id) {
        return Err(refused("The name belongs to another user."));
    }
    // Here as well as where the session begins: what is refused there has changed the groups, and has its record.
    match user.account_state {
        AccountState::Enabled => {}
        AccountState::Disabled => return Err(Denial::AccountNotEnabled { account: user.account }.into()),
        AccountState::Deleting => return Err(refused(DELETED)),
    }
    if user.first_sign_in.is_none() {
        for account in held.iter().filter(|account| person.accounts.contains(&account.name)) {
            for role in &person.roles {
                let id = app.random.uuid();
                let (user_id, account_id, granter) = (user.id, account.id, idp.name.as_str());
                let member = NewMember { id, user_id, account_id, role, granter, created_at: now };
                if roles::insert_member(db, &member).await?.is_new {
                    made.role(role, &account.name);
                }
            }
        }
        sign_in_store::note_first_sign_in(db, user.id, now).await?;
    }
    let groups = sign_in_store::update_groups(db, user.id, idp.id, &person.groups, now).await?;
    made.groups(db, &groups.left, false).await?;
    made.groups(db, &groups.joined, true).await?;
    audit::beside(made.records());
    Ok(SignedIn { user_id: user.id, auth_epoch: user.auth_epoch })
}

/// Tells the audit trail who signs in, and where they live, as far as that is known.
pub fn tell_who(user: Option<String>, idp: &Idp, account: Option<String>) {
    let name = user.clone().unwrap_or_default();
    audit::done_by(Actor { user, account, method: Some(SignInMethod::Saml), key_hint: None }, &name);
    audit::about(&idp.name);
}

fn refused(why: &str) -> WriteError {
    Denial::SignIn(why.to_owned()).into()
}

/// The account, held as it is, made where there is none and the provider may.
async fn account(
    db: &mut PgConnection,
    app: &App,
    idp: &Idp,
    name: &str,
    now: OffsetDateTime,
    made: &mut Made<'_>,
) -> Result<Account, WriteError> {
    if accounts::find_by_name(db, name).await?.is_none() {
        if !idp.mapping.allow_account_creation {
            return Err(refused(&format!("There is no account {name}.")));
        }
        let new = Account {
            id: app.random.uuid(),
            name: name.to_owned(),
            kind: AccountType::User,
            state: AccountState::Enabled,
            email: None,
            created_at: now,
            last_updated: now,
        };
        if accounts::insert_account_unless_there(db, &new).await? {
            made.account(name);
        }
    }
    let account = accounts::hold_by_name(db, name).await?;
    // One that is being deleted is there no more, though its name is taken still.
    let account = account.filter(|account| account.kind == AccountType::User);
    let account = account.ok_or_else(|| refused(&format!("There is no account {name}.")))?;
    if account.state != AccountState::Enabled {
        return Err(Denial::AccountNotEnabled { account: account.name }.into());
    }
    Ok(account)
}

async fn insert(
    db: &mut PgConnection,
    app: &App,
    idp: &Idp,
    username: &str,
    home: &Account,
    now: OffsetDateTime,
) -> Result<Known, WriteError> {
    let id = app.random.uuid();
    let by = Some(Vouched::from(idp));
    let user = NewUser { id, account_id: home.id, username, kind: UserType::Saml, by, created_at: now };
    users::insert_user(db, &user).await?;
    let (account, account_state) = (home.name.clone(), home.state);
    Ok(Known { id, idp_id: Some(idp.id), auth_epoch: 0, first_sign_in: None, account, account_state })
}
