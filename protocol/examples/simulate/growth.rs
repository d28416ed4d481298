//! One seed, fleets of growing size: what each costs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use swarmlet_protocol::layout::Layout;
use swarmlet_protocol::simulation::{Config, Swarm};

use crate::chart;

const PIECE_LENGTH: u64 = 256 * 1024;

/// An hour of virtual time: no fleet takes nearly as long.
const LIMIT: Duration = Duration::from_secs(3_600);

const COLUMNS: [&str; 12] = [
    "nodes", "pieces", "seed", "bound", "last", "p50", "p99", "copies", "control", "share",
    "links", "waste",
];

/// The figures of one fleet.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) nodes: u32,
    pub(crate) pieces: u32,
    pub(crate) seed: u64,
    /// Seconds: what no swarm can beat, the last node, the middle one, the 99th of 100.
    pub(crate) bound: f64,
    pub(crate) last: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Copies of the file that the seed sent.
    pub(crate) copies: f64,
    /// Bytes per node beside the content, and their share of the content.
    pub(crate) control: u64,
    pub(crate) share: f64,
    /// Links of the middle node.
    pub(crate) links: u32,
    /// Content that came twice, per content and node.
    pub(crate) waste: f64,
}

struct Options {
    nodes: Vec<u32>,
    pieces: u32,
    seed: u64,
    acquaintances: u32,
    record: Option<PathBuf>,
    svg: Option<PathBuf>,
    markdown: bool,
}

/// Measures, prints, records and draws.
pub(crate) fn run(words: impl Iterator<Item = String>) -> Result<(), String> {
    let options = Options::parse(words)?;
    let mut rows = match &options.record {
        Some(path) => read(path)?,
        None => Vec::new(),
    };
    for &nodes in &options.nodes {
        let begun = Instant::now();
        let row = measure(nodes, &options)?;
        let took = begun.elapsed().as_secs_f64();
        println!(
            "{nodes} nodes: {:.2} x the bound, p99/p50 {:.3}, {:.2} copies, {:.2} % control, \
             {took:.0} s to simulate",
            row.last / row.bound,
            row.p99 / row.p50,
            row.copies,
            row.share * 100.0
        );
        // A run with another number of pieces is another row.
        let key = |row: &Row| (row.nodes, row.pieces, row.seed);
        rows.retain(|other| key(other) != key(&row));
        rows.push(row);
        rows.sort_by_key(key);
        if let Some(path) = &options.record {
            write(path, &record(&rows))?;
        }
    }
    if options.markdown {
        print!("{}", markdown(&rows));
    }
    match &options.svg {
        Some(path) => write(path, &chart::draw(&rows)),
        None => Ok(()),
    }
}

fn measure(nodes: u32, options: &Options) -> Result<Row, String> {
    let Options { pieces, seed, .. } = *options;
    let size = u64::from(pieces) * PIECE_LENGTH;
    let layout = Layout::new(size, PIECE_LENGTH).map_err(|error| error.to_string())?;
    let mut config = Config::new(nodes, layout, seed);
    config.acquaintances = options.acquaintances;
    let mut swarm = Swarm::new(config, |node, _| node == 0);
    swarm.run(LIMIT, true);
    let report = swarm.report();
    let seconds = |time: Option<Duration>| {
        let unfinished = || format!("{} of {nodes} nodes are complete", report.complete);
        time.map(|time| time.as_secs_f64()).ok_or_else(unfinished)
    };
    Ok(Row {
        nodes,
        pieces,
        seed,
        bound: report.bound.as_secs_f64(),
        last: seconds(report.last)?,
        p50: seconds(report.p50)?,
        p99: seconds(report.p99)?,
        copies: report.seed_copies,
        control: report.traffic.total(),
        share: report.overhead,
        links: report.median_links as u32,
        waste: report.waste,
    })
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            nodes: vec![10, 100, 1_000, 10_000],
            pieces: 1_024,
            seed: 1,
            acquaintances: 1,
            record: None,
            svg: None,
            markdown: false,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
            match word.as_str() {
                "--nodes" => {
                    let list = value()?;
                    let counts = list.split(',').map(|count| number(&word, count));
                    options.nodes = counts.collect::<Result<_, _>>()?;
                }
                "--pieces" => options.pieces = number(&word, &value()?)?,
                "--acquaintances" => options.acquaintances = number(&word, &value()?)?,
                "--seed" => options.seed = number(&word, &value()?)?,
                "--record" => options.record = Some(value()?.into()),
                "--svg" => options.svg = Some(value()?.into()),
                "--markdown" => options.markdown = true,
                _ => return Err(format!("there is no option {word}")),
            }
        }
        Ok(options)
    }
}

fn number<T: std::str::FromStr>(option: &str, text: &str) -> Result<T, String> {
    let number = text.trim().parse();
    number.map_err(|_| format!("{option} takes numbers, and {text:?} is none"))
}

fn markdown(rows: &[Row]) -> String {
    let mut page = String::from(
        "| nodes | pieces | bound | last node | last / bound | p99 / p50 | copies by the seed \
         | links per node | control bytes per node | control | sent twice |\n\
         |--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        page += &format!(
            "| {} | {} | {:.2} s | {:.2} s | {:.2} | {:.3} | {:.2} | {} | {} | {:.2} % | {:.2} % |\n",
            row.nodes,
            row.pieces,
            row.bound,
            row.last,
            row.last / row.bound,
            row.p99 / row.p50,
            row.copies,
            row.links,
            row.control,
            row.share * 100.0,
            row.waste * 100.0
        );
    }
    page
}

fn record(rows: &[Row]) -> String {
    let mut text = COLUMNS.join("\t") + "\n";
    for row in rows {
        text += &format!(
            "{}\t{}\t{}\t{:.4}\t{:.4}\t{:.4}\t{:.4}\t{:.4}\t{}\t{:.6}\t{}\t{:.6}\n",
            row.nodes,
            row.pieces,
            row.seed,
            row.bound,
            row.last,
            row.p50,
            row.p99,
            row.copies,
            row.control,
            row.share,
            row.links,
            row.waste
        );
    }
    text
}

/// The rows of a record; none if there is no file yet.
fn read(path: &Path) -> Result<Vec<Row>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
    };
    let row = |line: &str| {
        let mut fields = line.split('\t');
        let mut next = || fields.next()?.parse::<f64>().ok();
        Some(Row {
            nodes: next()? as u32,
            pieces: next()? as u32,
            seed: next()? as u64,
            bound: next()?,
            last: next()?,
            p50: next()?,
            p99: next()?,
            copies: next()?,
            control: next()? as u64,
            share: next()?,
            links: next()? as u32,
            waste: next()?,
        })
    };
    let lines = text.lines().skip(1);
    let rows = lines.map(|line| row(line).ok_or_else(|| format!("{}: {line:?}", path.display())));
    rows.collect()
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
