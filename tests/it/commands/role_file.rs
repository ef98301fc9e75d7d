//! A file of roles that is wrong keeps every command from starting.

use std::fs;

use super::Setup;

#[tokio::test]
async fn all_problems_of_the_role_file_are_told_at_once() {
    let setup = Setup::private();
    let file = setup.place.top.join("roles.yaml");
    let roles = "
actions: [brew]
roles:
  - {name: read-only, description: d, actions: []}
  - {name: brewer, description: d, actions: [listUsers, flyToMoon, createAccount]}
";
    fs::write(&file, roles).unwrap();
    let setup = setup.with("KEDGE_ROLES__FILE", file.to_str().unwrap());
    let ended = setup.run(&["serve"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
    for problem in [
        "actions: brew: an action of your own is x-",
        "role read-only is built in and cannot be changed",
        "role brewer: unknown action flyToMoon",
        "role brewer: createAccount is an action of the system",
    ] {
        assert!(ended.err.contains(problem), "{problem}: {ended:?}");
    }
    assert!(!setup.place.data.exists());
}

#[tokio::test]
async fn role_file_that_is_not_there_is_told() {
    let setup = Setup::private().with("KEDGE_ROLES__FILE", "/nowhere/roles.yaml");
    let ended = setup.run(&["serve"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.err.contains("/nowhere/roles.yaml: "), "{ended:?}");
    assert!(!setup.place.data.exists());
}
