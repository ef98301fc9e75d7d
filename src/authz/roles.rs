//! The role table: which actions a role grants in the account it is held in. Data (`config/roles.yaml`), checked.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::action::Action;

/// The built-in table, compiled in.
const BUILT_IN: &str = include_str!("../../config/roles.yaml");

/// A role and what it grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub name: String,
    pub description: String,
    pub grants: Grants,
}

/// What a role grants in the account it is held in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grants {
    /// `*`: every action that is not the system's.
    Everything,
    Only(BTreeSet<Action>),
}

/// The roles of the deployment.
#[derive(Debug)]
pub struct RoleTable {
    roles: Vec<Role>,
    system_only: BTreeSet<Action>,
}

/// Everything that is wrong with a role table, at once.
#[derive(Debug, thiserror::Error)]
#[error("the role table is wrong:\n{}", .0.join("\n"))]
pub struct RoleProblems(Vec<String>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleFile {
    roles: Vec<RoleEntry>,
    system_only: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleEntry {
    name: String,
    description: String,
    #[serde(rename = "source")]
    _source: String,
    actions: Vec<String>,
}

impl RoleTable {
    /// The table that is compiled in.
    ///
    /// # Errors
    /// Every unknown action, doubled name and action of the system in a role.
    pub fn built_in() -> Result<Self, RoleProblems> {
        Self::parse(BUILT_IN)
    }

    fn parse(text: &str) -> Result<Self, RoleProblems> {
        let file: RoleFile = yaml_serde::from_str(text).map_err(|error| RoleProblems(vec![error.to_string()]))?;
        let mut problems = Vec::new();
        let system_only = actions("system_only", &file.system_only, &mut problems);
        let mut roles: Vec<Role> = Vec::new();
        for entry in file.roles {
            if roles.iter().any(|role| role.name == entry.name) {
                problems.push(format!("role {} stands there twice", entry.name));
            }
            let grants = if entry.actions == ["*"] {
                Grants::Everything
            } else {
                Grants::Only(actions(&entry.name, &entry.actions, &mut problems))
            };
            if let Grants::Only(granted) = &grants {
                let reserved = granted.intersection(&system_only);
                problems.extend(reserved.map(|action| format!("role {}: {action} is the system's", entry.name)));
            }
            roles.push(Role { name: entry.name, description: entry.description, grants });
        }
        if problems.is_empty() { Ok(Self { roles, system_only }) } else { Err(RoleProblems(problems)) }
    }

    /// The roles, in the order of the table.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// Whether `role` grants `action` in the account it is held in.
    #[must_use]
    pub fn grants(&self, role: &Role, action: Action) -> bool {
        match &role.grants {
            Grants::Everything => !self.system_only.contains(&action),
            Grants::Only(actions) => actions.contains(&action),
        }
    }
}

fn actions(whose: &str, names: &[String], problems: &mut Vec<String>) -> BTreeSet<Action> {
    let mut found = BTreeSet::new();
    for name in names {
        match Action::named(name) {
            Some(action) if found.insert(action) => {}
            Some(action) => problems.push(format!("{whose}: {action} stands there twice")),
            None => problems.push(format!("{whose}: unknown action {name}")),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_table_is_sound() {
        assert_eq!(RoleTable::built_in().unwrap().roles().len(), 12);
    }

    #[test]
    fn full_control_reaches_everything_but_the_system() {
        let table = RoleTable::built_in().unwrap();
        let full = table.roles().iter().find(|role| role.name == "full-control").unwrap();
        assert!(table.grants(full, Action::CreateUser));
        assert!(!table.grants(full, Action::CreateAccount));
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let text = "
roles:
  - {name: a, description: d, source: s, actions: [listUsers, listUsers, flyToMoon]}
  - {name: a, description: d, source: s, actions: [createAccount]}
system_only: [createAccount]
";
        let RoleProblems(problems) = RoleTable::parse(text).unwrap_err();
        assert_eq!(
            problems,
            [
                "a: listUsers stands there twice",
                "a: unknown action flyToMoon",
                "role a stands there twice",
                "role a: createAccount is the system's",
            ]
        );
    }
}
