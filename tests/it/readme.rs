//! The README, held to its word.

use kedge::authn::api_key::SCANNER_PATTERN;

use crate::support::{ADMIN_PASSWORD, Place, Server};

const README: &str = include_str!("../../README.md");
const DEFAULTS: &str = include_str!("../../config/default.yaml");

/// Prints the status of each call instead of its body.
const CURL: &str = r#"
curl() {
  case " $* " in
    *" -o "*) command curl -q -sS --noproxy '*' -w '%{http_code}\n' "$@" ;;
    *) command curl -q -sS --noproxy '*' -o /dev/null -w '%{http_code}\n' "$@" ;;
  esac
}
"#;

/// The shell block behind the marker, in the section of that title.
fn walk(section: &str) -> &'static str {
    let (_, section) = README.split_once(&format!("\n## {section}\n")).unwrap();
    let (_, behind) = section.split_once("<!-- walked by tests/it/readme.rs -->\n```sh\n").unwrap();
    behind.split_once("```").unwrap().0
}

/// Runs the block as printed but for URL and password of the admin; the statuses are those it says.
async fn walks_as_printed(section: &str, calls: usize) {
    let server = Server::start().await;
    let script = walk(section)
        .replace("http://localhost:8228", &server.url)
        .replace("admin:foobar", &format!("admin:{ADMIN_PASSWORD}"))
        .replace("password=foobar", &format!("password={ADMIN_PASSWORD}"));
    let place = Place::new();
    let output = tokio::process::Command::new("bash")
        .args(["-euc", &format!("{CURL}{script}")])
        .current_dir(&place.top)
        .output()
        .await
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let expected: Vec<_> = walk(section)
        .lines()
        .filter_map(|line| line.split_once("-> "))
        .flat_map(|(_, codes)| codes.split(", "))
        .collect();
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(expected.len(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn first_key_is_made_used_refused_and_revoked_as_printed() {
    walks_as_printed("The first key, in under a minute", 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn team_is_made_and_an_escalation_refused_as_printed() {
    walks_as_printed("Teams", 17).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_asked_for_used_refreshed_and_revoked_as_printed() {
    walks_as_printed("Tokens", 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_of_the_predecessor_runs_as_printed() {
    walks_as_printed("Older clients", 3).await;
}

#[test]
fn published_pattern_is_the_one_that_keys_match() {
    assert!(README.contains(&format!("\n{SCANNER_PATTERN}\n")));
}

#[test]
fn every_key_of_the_configuration_is_in_the_table() {
    let mut sections: Vec<&str> = Vec::new();
    for line in DEFAULTS.lines().filter(|line| !line.trim_start().starts_with('#') && line.contains(':')) {
        let (name, _) = line.split_once(':').unwrap();
        let depth = name.len() - name.trim_start().len();
        sections.truncate(depth / 2);
        sections.push(name.trim_start());
        if !line.ends_with(':') {
            let key = sections.join(".");
            assert!(README.contains(&format!("\n| `{key}` | ")), "{key} is not in the README");
        }
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = include_str!("../../Cargo.toml");
    let (_, behind) = manifest.split_once("[dependencies]\n").unwrap();
    let (dependencies, _) = behind.split_once("\n[profile").unwrap();
    let (_, table) = README.split_once("## Dependencies").unwrap();
    for name in dependencies.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name) {
        let named = [format!("| {name} "), format!(", {name} "), format!("| {name},"), format!(", {name},")];
        assert!(named.iter().any(|named| table.contains(named)), "{name} is not in the README");
    }
}
