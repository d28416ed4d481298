//! Judges that nobody here wrote: curl, aria2, promtool, schemathesis.

use std::path::Path;
use std::process::{Command, Output};

use crate::request::get;
use crate::stage::{LEECHER, SEED, Stage};
use crate::support::skip;

const REQUIRED_BY: &str = "SWARMLET_REQUIRE_FOREIGN";

const MIB: usize = 1024 * 1024;

/// Is that program here? Says so if not.
fn has(test: &str, program: &str) -> bool {
    let found = Command::new("which").arg(program).output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        skip(test, &format!("there is no {program}"), REQUIRED_BY);
    }
    found
}

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("run a foreign program");
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

#[test]
fn curl_and_aria2_read_a_file_while_the_node_downloads_it() {
    let test = "curl_and_aria2_read_a_file_while_the_node_downloads_it";
    if !has(test, "curl") || !has(test, "aria2c") {
        return;
    }
    let stage = Stage::running(16 * MIB, 64 * 1024, &[], &["--download-limit", "4MiB"]);
    stage.wait_for_swarm(LEECHER, "it is known", |it| it["name"] == "data.bin");
    let folder = tempfile::tempdir().unwrap();
    let url = format!(
        "http://{}/content/{}/data.bin",
        stage.face(LEECHER),
        stage.infohash()
    );
    let bytes = stage.content.bytes();
    let part = run(Command::new("curl").args(["-sSf", "-r", "15000000-15999999", &url])).stdout;
    assert!(
        part == bytes[15_000_000..16_000_000],
        "{} bytes",
        part.len()
    );
    // Four connections, each with a range of its own.
    let mut aria2 = Command::new("aria2c");
    aria2.args([
        "-q",
        "-x4",
        "-s4",
        "-k1M",
        "--allow-overwrite=true",
        "--no-conf",
        "-d",
    ]);
    run(aria2.arg(folder.path()).args(["-o", "aria2.bin", &url]));
    assert!(std::fs::read(folder.path().join("aria2.bin")).unwrap() == bytes);
    let whole = folder.path().join("curl.bin");
    run(Command::new("curl")
        .args(["-sSf", "-C", "-", "-o"])
        .arg(&whole)
        .arg(&url));
    assert!(std::fs::read(&whole).unwrap() == bytes);
}

#[test]
fn prometheus_understands_the_metrics_and_has_nothing_to_complain_of() {
    let test = "prometheus_understands_the_metrics_and_has_nothing_to_complain_of";
    if !has(test, "promtool") {
        return;
    }
    let stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    let metrics = get("/metrics").send(stage.face(LEECHER));
    assert_eq!(
        metrics.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metrics.txt");
    std::fs::write(&file, &metrics.body).unwrap();
    let input = std::fs::File::open(&file).unwrap();
    let checked = run(Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(input));
    let words = String::from_utf8_lossy(&checked.stdout) + String::from_utf8_lossy(&checked.stderr);
    assert_eq!(words, "", "it complains");
    let text = metrics.text();
    assert!(text.contains("swarmlet_ready 1\n"), "{text}");
    assert!(text.contains("name=\"data.bin\""), "{text}");
    let open = get("/metrics").header("Accept", "application/openmetrics-text; version=1.0.0");
    let open = open.send(stage.face(LEECHER));
    assert!(
        open.header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    assert!(open.text().ends_with("# EOF\n"));
    // Every name that the deployment uses is one that a node says, and the other way round.
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/check.sh");
    run(Command::new(script)
        .arg("--metrics")
        .arg(&file)
        .args(["grafana", "prometheus"]));
}

#[test]
fn schemathesis_finds_nothing_that_the_description_does_not_say() {
    let test = "schemathesis_finds_nothing_that_the_description_does_not_say";
    let program = std::env::var("SCHEMATHESIS").unwrap_or_else(|_| "schemathesis".to_owned());
    if !has(test, &program) {
        return;
    }
    let stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    let base = format!("http://{}", stage.face(SEED));
    let bearer = format!("Authorization: Bearer {}", stage.token(SEED));
    let folder = tempfile::tempdir().unwrap();
    let mut judge = Command::new(program);
    judge.current_dir(folder.path());
    judge.arg("run").arg(format!("{base}/api/v1/openapi.json"));
    judge.args(["--url", &base, "--header", &bearer]);
    // The stream has no end, and a request for it would not either. That a node is not ready is said
    // by a 503, as whoever asks expects; the judge takes any for a fault.
    judge.args([
        "--exclude-path",
        "/api/v1/events",
        "--exclude-path",
        "/readyz",
    ]);
    judge.args([
        "--phases",
        "examples,coverage,fuzzing",
        "--max-examples",
        "40",
    ]);
    judge.args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method"]);
    judge.args(["--seed", "1", "--request-timeout", "20"]);
    run(&mut judge);
    assert_eq!(stage.ask(SEED, "/healthz").status, 200);
}
