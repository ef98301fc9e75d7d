//! PostgreSQL's last words: the end of its logs, for the message about its end.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::directory::DataDirectory;

/// Inside the cluster.
pub(super) const DIRECTORY: &str = "log";

const LINES: usize = 10;
const BYTES: u64 = 8 * 1024;

/// The last lines of the log of the start, and of the newest log that the server wrote by itself.
pub(super) fn last_words(directory: &DataDirectory) -> String {
    let logs = directory.cluster().join(DIRECTORY);
    let texts = [Some(directory.start_log()), newest(&logs)];
    let ends: Vec<String> =
        texts.iter().flatten().filter_map(|path| end_of(path).ok()).filter(|text| !text.is_empty()).collect();
    if ends.is_empty() { "(none)".to_owned() } else { ends.join("\n") }
}

/// Processes of a server that was killed outlive it for a moment and keep its shared memory.
pub(super) fn tells_of_remains(log: &str) -> bool {
    log.contains("pre-existing shared memory block")
}

/// Symbolic links do not count: the database user could lead root to any file by one.
fn newest(logs: &Path) -> Option<PathBuf> {
    let newest: Option<(_, OsString)> = fs::read_dir(logs)
        .ok()?
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.file_name())))
        .max();
    newest.map(|(_, name)| logs.join(name))
}

fn end_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    Ok(last_lines(&String::from_utf8_lossy(&bytes)))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(LINES);
    lines.get(start..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{LINES, last_lines};

    #[test]
    fn only_the_last_lines_are_shown() {
        let lines: Vec<String> = (0..30).map(|number| format!("line {number}")).collect();
        let end = last_lines(&lines.join("\n"));
        assert_eq!(end.lines().count(), LINES);
        assert!(end.ends_with("line 29"));
    }
}
