//! The policy against a naive model of it: plain sets of (user, account, action), read from the table of roles as it
//! is written down, in thousands of random worlds.

use std::{
    collections::{BTreeSet, HashSet},
    sync::LazyLock,
};

use kedge::authz::{
    action::Action,
    narrowing::Narrowing,
    policy::{Domain, permit},
    rights::Rights,
    roles::RoleTable,
};
use proptest::{prelude::*, sample::Index};
use serde::Deserialize;

const ACCOUNTS: [&str; 3] = ["tea-party", "red-queen-team", "mad-hatter-team"];
const USERS: usize = 3;

/// What needs no role at home.
const AT_HOME: [&str; 6] =
    ["getAccount", "selfCreateApiKey", "selfDeleteApiKey", "selfGetApiKey", "selfListApiKeys", "selfUpdateApiKey"];

/// Those of users, credentials, other people's API keys, roles and role members, and `*` itself.
const IDENTITY: [&str; 17] = [
    "*",
    "createApiKey",
    "createRoleMember",
    "createUser",
    "deleteApiKey",
    "deleteRoleMember",
    "deleteUser",
    "getApiKey",
    "getRole",
    "getUser",
    "listAccountUsersWithRoles",
    "listApiKeys",
    "listRoleMembers",
    "listRoles",
    "listUsers",
    "updateApiKey",
    "updateUser",
];

#[derive(Deserialize)]
struct RolesFile {
    roles: Vec<RoleText>,
    system_only: BTreeSet<String>,
}

#[derive(Deserialize)]
struct RoleText {
    name: String,
    actions: Vec<String>,
}

static FILE: LazyLock<RolesFile> =
    LazyLock::new(|| yaml_serde::from_str(include_str!("../../../config/roles.yaml")).unwrap());
static TABLE: LazyLock<RoleTable> = LazyLock::new(|| RoleTable::load(None).unwrap());

/// What each role of the file comes to: whoever holds `*` holds it and every action that is not the system's.
static ACTIONS_OF: LazyLock<Vec<BTreeSet<&'static str>>> = LazyLock::new(|| {
    let all = || Action::ALL.iter().map(|action| action.name()).filter(|name| !FILE.system_only.contains(*name));
    let actions = |role: &'static RoleText| match role.actions.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["*"] => all().chain(["*"]).collect(),
        ref listed => listed.iter().copied().collect(),
    };
    FILE.roles.iter().map(actions).collect()
});

/// A role, by its place in the file, in an account.
type Grant = (usize, usize);

/// Who lives where and holds what. A user without a home lives in the account `admin`.
#[derive(Clone, Debug)]
struct World {
    homes: [Option<usize>; USERS],
    /// To a user directly.
    direct: Vec<(usize, Grant)>,
    /// To a group, with its members.
    groups: Vec<(BTreeSet<usize>, Vec<Grant>)>,
}

impl World {
    fn grants(&self) -> Vec<(usize, Grant)> {
        let by_group = self.groups.iter().flat_map(|(members, grants)| {
            members.iter().flat_map(|member| grants.iter().map(|grant| (*member, *grant)))
        });
        self.direct.iter().copied().chain(by_group).collect()
    }

    fn home(&self, user: usize) -> &'static str {
        self.homes[user].map_or("admin", |home| ACCOUNTS[home])
    }

    /// The rights as the code under test puts them together.
    fn rights(&self, user: usize) -> Rights {
        let mut rights = Rights::new(self.homes[user].is_none(), self.home(user));
        for (_, (role, account)) in self.grants().into_iter().filter(|(holder, _)| *holder == user) {
            rights.grant(ACCOUNTS[account], TABLE.named(&FILE.roles[role].name).unwrap());
        }
        rights
    }

    fn model(&self) -> Model {
        let tuple = |(user, (role, account)): (usize, Grant)| {
            ACTIONS_OF[role].iter().map(move |action| (user, ACCOUNTS[account], *action))
        };
        Model {
            homes: std::array::from_fn(|user| self.home(user)),
            held: self.grants().into_iter().flat_map(tuple).collect(),
        }
    }
}

/// The rules, word for word, over tuples.
struct Model {
    homes: [&'static str; USERS],
    held: HashSet<(usize, &'static str, &'static str)>,
}

impl Model {
    fn is_admin(&self, user: usize) -> bool {
        self.homes[user] == "admin"
    }

    fn has(&self, user: usize, account: &'static str, action: &'static str) -> bool {
        self.held.contains(&(user, account, action)) || (self.homes[user] == account && AT_HOME.contains(&action))
    }

    fn permits(&self, user: usize, account: &'static str, action: &'static str) -> bool {
        self.is_admin(user) || self.has(user, account, action)
    }

    fn may_hand_out(&self, user: usize, role: usize, account: &'static str) -> bool {
        let mut identity = ACTIONS_OF[role].iter().filter(|action| IDENTITY.contains(action));
        self.is_admin(user) || identity.all(|action| self.has(user, account, action))
    }

    fn may_delete(&self, user: usize, target: usize) -> bool {
        let home = self.homes[target];
        let covered = IDENTITY.iter().all(|action| !self.has(target, home, action) || self.has(user, home, action));
        self.is_admin(user) || (!self.is_admin(target) && covered)
    }

    fn may_enter(&self, user: usize, target: usize) -> bool {
        let mut elsewhere =
            self.held.iter().filter(|(holder, account, _)| *holder == target && *account != self.homes[target]);
        self.may_delete(user, target)
            && (self.is_admin(user) || elsewhere.all(|(_, account, action)| self.has(user, account, action)))
    }
}

fn grants(most: usize) -> impl Strategy<Value = Vec<Grant>> {
    prop::collection::vec((0..FILE.roles.len(), 0..ACCOUNTS.len()), 0..most)
}

fn worlds() -> impl Strategy<Value = World> {
    let home = prop_oneof![1 => Just(None), 6 => (0..ACCOUNTS.len()).prop_map(Some)];
    let group = (prop::collection::btree_set(0..USERS, 0..USERS), grants(3));
    let direct = prop::collection::vec((0..USERS, (0..FILE.roles.len(), 0..ACCOUNTS.len())), 0..7);
    (prop::array::uniform3(home), direct, prop::collection::vec(group, 0..3))
        .prop_map(|(homes, direct, groups)| World { homes, direct, groups })
}

/// Some actions to ask for: all of them would be too many for each world.
fn probes() -> impl Strategy<Value = Vec<Action>> {
    prop::collection::vec(any::<Index>().prop_map(|index| *index.get(Action::ALL)), 5)
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() }
}

/// What is permitted of these actions, to whom and where.
fn permitted(world: &World, probes: &[Action]) -> BTreeSet<(usize, &'static str, Action)> {
    let mut permitted = BTreeSet::new();
    for user in 0..USERS {
        let rights = world.rights(user);
        for account in ACCOUNTS {
            let may = |action: &Action| permit(&rights, None, *action, Domain::Account(account)).is_ok();
            permitted.extend(probes.iter().copied().filter(may).map(|action| (user, account, action)));
        }
    }
    permitted
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn permission_agrees_with_the_model(world in worlds(), probes in probes()) {
        let model = world.model();
        for user in 0..USERS {
            let rights = world.rights(user);
            for action in &probes {
                for account in ACCOUNTS.into_iter().chain(["admin", "nowhere"]) {
                    let expected = model.permits(user, account, action.name());
                    let decided = permit(&rights, None, *action, Domain::Account(account));
                    prop_assert_eq!(decided.is_ok(), expected, "{} {} {}", user, account, action);
                }
                let in_system = permit(&rights, None, *action, Domain::System).is_ok();
                prop_assert_eq!(in_system, model.is_admin(user));
            }
        }
    }

    #[test]
    fn no_escalation_agrees_with_the_model(world in worlds()) {
        let model = world.model();
        let rights: [Rights; USERS] = std::array::from_fn(|user| world.rights(user));
        for user in 0..USERS {
            for target in (0..USERS).filter(|target| *target != user) {
                let (own, other) = (&rights[user], &rights[target]);
                prop_assert_eq!(own.may_enter(other), model.may_enter(user, target), "{} enters {}", user, target);
                prop_assert_eq!(own.may_delete(other), model.may_delete(user, target), "{} deletes {}", user, target);
            }
            for (role, text) in FILE.roles.iter().enumerate() {
                let granted = TABLE.named(&text.name).unwrap();
                let account = ACCOUNTS[role % ACCOUNTS.len()];
                let expected = model.may_hand_out(user, role, account);
                prop_assert_eq!(rights[user].may_hand_out(granted, account), expected, "{} grants {}", user, text.name);
            }
        }
    }

    #[test]
    fn granting_takes_nothing_and_revoking_takes_what_nothing_else_grants(
        world in worlds(), probes in probes(), user in 0..USERS, grant in (0..12_usize, 0..ACCOUNTS.len()),
    ) {
        let before = permitted(&world, &probes);
        let mut more = world.clone();
        more.direct.push((user, grant));
        let after = permitted(&more, &probes);
        prop_assert!(after.is_superset(&before));
        // What the grant gave is its role's actions, in its account, to its user; and revoking takes that alone.
        for (holder, account, action) in after.difference(&before) {
            prop_assert_eq!((*holder, *account), (user, ACCOUNTS[grant.1]));
            prop_assert!(ACTIONS_OF[grant.0].contains(action.name()));
        }
        let left = world.model();
        for lost in after.iter().filter(|held| !before.contains(held)) {
            prop_assert!(!left.permits(lost.0, lost.1, lost.2.name()), "something else grants {:?}", lost);
        }
        for kept in &before {
            prop_assert!(left.permits(kept.0, kept.1, kept.2.name()), "nothing grants {:?}", kept);
        }
    }

    #[test]
    fn narrowing_leaves_exactly_what_is_in_its_lists(
        world in worlds(), probes in probes(), user in 0..USERS,
        actions in prop::option::of(prop::collection::vec(0..5_usize, 0..5)),
        accounts in prop::option::of(prop::collection::btree_set(prop::sample::select(&ACCOUNTS[..]), 0..3)),
    ) {
        let actions: Option<BTreeSet<String>> =
            actions.map(|places| places.into_iter().map(|place| probes[place].name().to_owned()).collect());
        let accounts: Option<BTreeSet<String>> =
            accounts.map(|names| names.into_iter().map(str::to_owned).collect());
        let narrowing = Narrowing { actions: actions.clone(), accounts: accounts.clone(), cidrs: None };
        let rights = world.rights(user);
        for action in &probes {
            let action_left = actions.as_ref().is_none_or(|names| names.contains(action.name()));
            for domain in ACCOUNTS.map(Domain::Account).into_iter().chain([Domain::System]) {
                let domain_left = accounts.as_ref().is_none_or(|names| match domain {
                    Domain::Account(name) => names.contains(name),
                    Domain::System => false,
                });
                let whole = permit(&rights, None, *action, domain).is_ok();
                let narrowed = permit(&rights, Some(&narrowing), *action, domain).is_ok();
                let left = action_left && domain_left;
                prop_assert_eq!(narrowed, whole && left, "{} {:?}", action, domain);
            }
        }
    }
}
