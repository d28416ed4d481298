//! What the program makes of its own flags: completions, manual pages, the reference.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Folder, assert_fails, stderr, stdout, swarmlet};

/// What a program says of a text on its stdin; `None`, said aloud, if there is no such program.
fn judged(program: &str, arguments: &[&str], text: &[u8]) -> Option<String> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no {program}");
        return None;
    };
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}: {}", stderr(&output));
    assert_eq!(stderr(&output), "", "{program}");
    Some(stdout(&output))
}

#[test]
fn completions_are_scripts_that_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = swarmlet(["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = stdout(&output);
        for word in ["status", "recheck", "completions", "token-file", "verify"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        for hidden in ["die-with-parent", "help-markdown"] {
            assert!(!script.contains(hidden), "{shell}: {hidden}");
        }
    }
    let output = swarmlet(["completions", "tcsh"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn shells_take_their_completions() {
    for (shell, arguments) in [
        ("bash", ["-n"]),
        ("zsh", ["-n"]),
        ("fish", ["--no-execute"]),
    ] {
        judged(shell, &arguments, &swarmlet(["completions", shell]).stdout);
    }
    let script = stdout(&swarmlet(["completions", "bash"]));
    // The words that begin so, as a shell would offer them.
    let asked = format!(
        "{script}\nCOMP_WORDS=(swarmlet rec) COMP_CWORD=1\n_swarmlet swarmlet rec swarmlet\n\
         echo \"${{COMPREPLY[@]}}\"\n"
    );
    if let Some(offered) = judged("bash", &[], asked.as_bytes()) {
        assert_eq!(offered, "recheck\n");
    }
}

#[test]
fn manual_pages_are_written_and_can_be_read() {
    let folder = Folder::new();
    let out = folder.path("share/man1");
    let output = swarmlet(["man", "--out", &out]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let pages: Vec<_> = fs::read_dir(&out)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    assert_eq!(
        stdout(&output),
        format!("{} pages written to {out}\n", pages.len())
    );
    assert!(pages.len() > 20, "{pages:?}");
    for page in &pages {
        let text = fs::read(page).unwrap();
        if let Some(read) = judged("groff", &["-man", "-Tutf8", "-z", "-ww"], &text) {
            assert_eq!(read, "", "{page:?}");
        }
    }
    let page = swarmlet(["man", "status"]);
    assert_eq!(
        page.stdout,
        fs::read(Path::new(&out).join("swarmlet-status.1")).unwrap()
    );
    if let Some(text) = judged("groff", &["-man", "-Tutf8", "-P-cbou"], &page.stdout) {
        for words in ["EXIT STATUS", "SWARMLET_NODE", "NO_COLOR", "http.sock"] {
            assert!(text.contains(words), "{text}");
        }
    }
}

#[test]
fn a_page_of_nothing_or_to_nowhere_is_refused() {
    assert_fails(
        &swarmlet(["man", "serve"]),
        "error: there is no command 'serve'\n  hint: swarmlet --help lists them\n",
    );
    let folder = Folder::new();
    folder.write("file", "");
    let out = folder.path("file/man");
    assert_fails(
        &swarmlet(["man", "--out", &out]),
        &format!("error: cannot write {out}: not a directory\n"),
    );
}

#[test]
fn the_reference_of_the_flags_is_that_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let written = fs::read_to_string(path).unwrap_or_default();
    let made = stdout(&swarmlet(["help-markdown"]));
    let difference = written.lines().zip(made.lines()).find(|(a, b)| a != b);
    assert!(
        written == made,
        "docs/configuration.md is not what the program says: write it anew with\n\
         cargo run -- help-markdown > docs/configuration.md\nThe first difference: {difference:?}"
    );
}
