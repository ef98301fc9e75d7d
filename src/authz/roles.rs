//! The role table: which actions a role grants in the account it is held in. Data, checked when it is read.
//!
//! The built-in roles are `config/roles.yaml`. A deployment may add roles, and actions of its own (`x-…`) for
//! services that ask Kedge about theirs, in a file of the same form; it cannot change a built-in role.

use std::{collections::BTreeSet, path::Path};

use serde::Deserialize;
use time::OffsetDateTime;

use super::action::Action;

/// The built-in table, compiled in.
const BUILT_IN: &str = include_str!("../../config/roles.yaml");
/// What every action of a deployment's own begins with.
const OWN_PREFIX: &str = "x-";

/// A role and what it grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub name: String,
    pub description: String,
    pub grants: Grants,
    /// Since when the deployment's file says so; `None` for Kedge's own, which no deployment can change.
    pub since: Option<OffsetDateTime>,
}

/// What a role grants in the account it is held in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grants {
    /// `*`: every action that is not the system's.
    Everything,
    /// The API's actions, and the deployment's own.
    Only { actions: BTreeSet<Action>, own: BTreeSet<String> },
}

impl Role {
    /// Whether it is Kedge's own.
    #[must_use]
    pub const fn is_built_in(&self) -> bool {
        self.since.is_none()
    }

    /// The names of what it grants, sorted; `*` where that is everything.
    #[must_use]
    pub fn action_names(&self) -> Vec<&str> {
        match &self.grants {
            Grants::Everything => vec!["*"],
            Grants::Only { actions, own } => {
                actions.iter().map(|action| action.name()).chain(own.iter().map(String::as_str)).collect()
            }
        }
    }
}

/// The roles of the deployment.
#[derive(Debug, Default)]
pub struct RoleTable {
    roles: Vec<Role>,
    own_actions: BTreeSet<String>,
}

/// Everything that is wrong with the roles, at once.
#[derive(Debug, thiserror::Error)]
#[error("the roles are wrong:\n{}", .0.join("\n"))]
pub struct RoleProblems(Vec<String>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuiltInFile {
    roles: Vec<RoleEntry>,
    system_only: BTreeSet<String>,
}

/// A deployment's file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnFile {
    /// Actions of the deployment's own.
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default)]
    roles: Vec<RoleEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleEntry {
    name: String,
    description: String,
    /// Where the built-in table has it from; for the reader of the file.
    #[serde(default, rename = "source")]
    _source: Option<String>,
    actions: Vec<String>,
}

impl RoleTable {
    /// The built-in roles, and those of the deployment's file.
    ///
    /// # Errors
    /// Every unknown action, doubled name, changed built-in role and action of the system in a role.
    pub fn load(file: Option<&Path>) -> Result<Self, RoleProblems> {
        let unreadable = |path: &Path, error| RoleProblems(vec![format!("{}: {error}", path.display())]);
        let own = file.map(|path| {
            let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
            let changed = std::fs::metadata(path).and_then(|metadata| metadata.modified());
            Ok((text, changed.map_err(|error| unreadable(path, error))?.into()))
        });
        let own = own.transpose()?;
        Self::read(own.as_ref().map(|(text, since)| (text.as_str(), *since)))
    }

    fn read(own: Option<(&str, OffsetDateTime)>) -> Result<Self, RoleProblems> {
        let unreadable = |error: yaml_serde::Error| RoleProblems(vec![error.to_string()]);
        let built_in: BuiltInFile = yaml_serde::from_str(BUILT_IN).map_err(unreadable)?;
        let since = own.map(|(_, since)| since);
        let text = own.map(|(text, _)| text).filter(|text| !text.trim().is_empty());
        let own = text.map(yaml_serde::from_str::<OwnFile>).transpose().map_err(unreadable)?.unwrap_or_default();
        let mut reader = Reader::default();
        reader.check_system_actions(&built_in.system_only);
        reader.declare(own.actions);
        reader.add(built_in.roles, None);
        reader.add(own.roles, since);
        if reader.problems.is_empty() { Ok(reader.table) } else { Err(RoleProblems(reader.problems)) }
    }

    /// The roles: Kedge's, then the deployment's, each in the order of its file.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The role of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.name == name)
    }

    /// Whether there is an action of that name, the API's or the deployment's own.
    #[must_use]
    pub fn knows_action(&self, name: &str) -> bool {
        Action::named(name).is_some() || self.own_actions.contains(name)
    }
}

/// Reads roles and remembers what is wrong with them.
#[derive(Default)]
struct Reader {
    table: RoleTable,
    problems: Vec<String>,
}

impl Reader {
    fn check_system_actions(&mut self, listed: &BTreeSet<String>) {
        let known = Action::ALL.iter().filter(|action| action.is_systems());
        if known.map(|action| action.name().to_owned()).collect::<BTreeSet<_>>() != *listed {
            self.problems.push("system_only differs from the actions that the code asks for in the system".to_owned());
        }
    }

    fn declare(&mut self, names: Vec<String>) {
        for name in names {
            let rest = name.strip_prefix(OWN_PREFIX).unwrap_or_default();
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if rest.is_empty() || name.len() > 128 || !rest.chars().all(plain) {
                let shape = "an action of your own is x- and up to 126 letters, digits, `.`, `_` or `-`";
                self.problems.push(format!("actions: {name}: {shape}"));
            } else if !self.table.own_actions.insert(name.clone()) {
                self.problems.push(format!("actions: {name} is listed twice"));
            }
        }
    }

    fn add(&mut self, entries: Vec<RoleEntry>, since: Option<OffsetDateTime>) {
        for entry in entries {
            self.check_name(&entry.name);
            let grants = self.grants(&entry);
            let (name, description) = (entry.name, entry.description);
            self.table.roles.push(Role { name, description, grants, since });
        }
    }

    fn check_name(&mut self, name: &str) {
        match self.table.named(name) {
            Some(role) if role.is_built_in() => {
                self.problems.push(format!("role {name} is built in and cannot be changed"));
            }
            Some(_) => {
                self.problems.push(format!("role {name} is listed twice"));
            }
            None => {}
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if !(1..=128).contains(&name.len()) || !name.chars().all(plain) {
            self.problems.push(format!("role {name}: a name is 1 to 128 letters, digits, `_` or `-`"));
        }
    }

    fn grants(&mut self, entry: &RoleEntry) -> Grants {
        if entry.actions == ["*"] {
            return Grants::Everything;
        }
        let (mut actions, mut own) = (BTreeSet::new(), BTreeSet::new());
        for name in &entry.actions {
            let new = match Action::named(name) {
                Some(action) if action.is_systems() => {
                    self.problems.push(format!("role {}: {name} is an action of the system", entry.name));
                    true
                }
                Some(action) => actions.insert(action),
                None if self.table.own_actions.contains(name) => own.insert(name.clone()),
                None => {
                    self.problems.push(format!("role {}: unknown action {name}", entry.name));
                    true
                }
            };
            if !new {
                self.problems.push(format!("role {}: {name} is listed twice", entry.name));
            }
        }
        Grants::Only { actions, own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authz::rights::Powers;

    #[test]
    fn built_in_table_is_sound() {
        assert_eq!(RoleTable::read(None).unwrap().roles().len(), 12);
    }

    #[test]
    fn full_control_reaches_everything_but_the_system() {
        let table = RoleTable::read(None).unwrap();
        let full = Powers::of(table.named("full-control").unwrap());
        assert!(full.has(Action::CreateUser) && full.has_own("x-anything"));
        assert!(!full.has(Action::CreateAccount));
    }

    #[test]
    fn deployment_adds_roles_and_actions_of_its_own() {
        let own = "
actions: [x-deploy]
roles:
  - {name: deployer, description: Deploys, actions: [getImage, x-deploy]}
";
        let table = RoleTable::read(Some((own, OffsetDateTime::UNIX_EPOCH))).unwrap();
        let deployer = table.named("deployer").unwrap();
        assert_eq!(deployer.action_names(), ["getImage", "x-deploy"]);
        assert!(!deployer.is_built_in() && table.named("read-only").unwrap().is_built_in());
        assert!(table.knows_action("x-deploy") && !table.knows_action("x-other"));
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let own = "
actions: [deploy, x-, x-deploy, x-deploy]
roles:
  - {name: read-only, description: d, actions: [createUser]}
  - {name: a, description: d, actions: [listUsers, listUsers, flyToMoon, x-undeclared]}
  - {name: a, description: d, actions: [createAccount]}
  - {name: 'a b', description: d, actions: ['*', getImage]}
";
        let RoleProblems(problems) = RoleTable::read(Some((own, OffsetDateTime::UNIX_EPOCH))).unwrap_err();
        let shape = "an action of your own is x- and up to 126 letters, digits, `.`, `_` or `-`";
        assert_eq!(
            problems,
            [
                &format!("actions: deploy: {shape}"),
                &format!("actions: x-: {shape}"),
                "actions: x-deploy is listed twice",
                "role read-only is built in and cannot be changed",
                "role a: listUsers is listed twice",
                "role a: unknown action flyToMoon",
                "role a: unknown action x-undeclared",
                "role a is listed twice",
                "role a: createAccount is an action of the system",
                "role a b: a name is 1 to 128 letters, digits, `_` or `-`",
                "role a b: unknown action *",
            ]
        );
    }
}
