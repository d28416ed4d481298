//! Words to a running node: `pause`, `resume`, `recheck`, `remove`, `ban`, `unban`, `log`.

use reqwest::Method;
use serde_json::json;
use swarmlet::http::model::{Ban, LogFilter, Swarm};
use swarmlet_protocol::text::escaped;

use super::connect::Connection;
use super::contents::{self, called};
use super::page::Page;
use super::status::{counted, seconds};
use crate::cli::args::{BanArgs, ContentArgs, LogArgs, UnbanArgs};
use crate::cli::error::CliError;

/// What is said of a content by a word that is answered with it.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Word {
    Pause,
    Resume,
    Recheck,
}

impl Word {
    const fn path(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Recheck => "verify",
        }
    }

    fn done(self, swarm: &Swarm) -> String {
        let name = called(swarm);
        match self {
            Self::Pause => format!("{name} is paused, until swarmlet resume"),
            Self::Resume => format!("{name} goes on"),
            Self::Recheck => {
                let parts = counted(swarm.pieces.into(), "part");
                format!("{name} is checked anew: {parts}")
            }
        }
    }
}

/// Says it of a content.
///
/// # Errors
/// The node cannot be told, or refuses; nothing is called so; nobody reads what is printed.
pub(super) async fn say(word: Word, args: &ContentArgs) -> Result<(), CliError> {
    let connection = Connection::new(&args.client)?;
    let page = Page::new(args.client.json);
    let swarm = contents::find(&connection, args.content.as_deref()).await?;
    let path = format!("/api/v1/swarms/{}/{}", swarm.infohash, word.path());
    let answer = connection.say::<Swarm>(Method::POST, &path, None).await?;
    match page.is_json() {
        true => page.json(&answer.json),
        false => page.print(&format!("{}\n", word.done(&answer.read))),
    }
}

/// Has a content not be kept any more.
///
/// # Errors
/// As for the others.
pub(super) async fn remove(args: &ContentArgs) -> Result<(), CliError> {
    let connection = Connection::new(&args.client)?;
    let page = Page::new(args.client.json);
    let swarm = contents::find(&connection, args.content.as_deref()).await?;
    let path = format!("/api/v1/swarms/{}", swarm.infohash);
    connection.tell(Method::DELETE, &path).await?;
    if page.is_json() {
        return Ok(());
    }
    page.print(&format!("{}\n", removed(&swarm)))
}

fn removed(swarm: &Swarm) -> String {
    let files = match &swarm.place {
        Some(place) => format!("its files stay at {}", escaped(place)),
        None => "it has no files yet".to_owned(),
    };
    format!("{} is not kept any more; {files}", called(swarm))
}

/// Has the node not speak to a host.
///
/// # Errors
/// The node cannot be told, or refuses; nobody reads what is printed.
pub(super) async fn ban(args: &BanArgs) -> Result<(), CliError> {
    let connection = Connection::new(&args.client)?;
    let page = Page::new(args.client.json);
    let mut word = json!({ "ip": args.ip.to_string() });
    if let Some(span) = args.span {
        word["seconds"] = json!(span.0.as_secs());
    }
    let answer = connection.say::<Ban>(Method::POST, "/api/v1/bans", Some(&word));
    let answer = answer.await?;
    if page.is_json() {
        return page.json(&answer.json);
    }
    let ip = escaped(&answer.read.ip);
    let how_long = match answer.read.seconds_left {
        Some(left) => format!("for {}", seconds(left)),
        None => format!("until swarmlet unban {ip}"),
    };
    page.print(&format!("{ip} is not spoken to {how_long}\n"))
}

/// Has the node speak to a host again.
///
/// # Errors
/// The node cannot be told, or has no such ban; nobody reads what is printed.
pub(super) async fn unban(args: &UnbanArgs) -> Result<(), CliError> {
    let connection = Connection::new(&args.client)?;
    let page = Page::new(args.client.json);
    let path = format!("/api/v1/bans/{}", args.ip);
    connection.tell(Method::DELETE, &path).await?;
    if page.is_json() {
        return Ok(());
    }
    page.print(&format!("{} is spoken to again\n", args.ip))
}

/// Says what is logged, after it was set if it is to be.
///
/// # Errors
/// The node cannot be told, or refuses; nobody reads what is printed.
pub(super) async fn log(args: &LogArgs) -> Result<(), CliError> {
    let connection = Connection::new(&args.client)?;
    let page = Page::new(args.client.json);
    let answer = match &args.level {
        None => connection.look::<LogFilter>("/api/v1/log").await?,
        Some(level) => {
            let word = json!({ "filter": level });
            let answer = connection.say::<LogFilter>(Method::PUT, "/api/v1/log", Some(&word));
            answer.await?
        }
    };
    match page.is_json() {
        true => page.json(&answer.json),
        false => page.print(&format!("{}\n", escaped(&answer.read.filter))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::client::contents::tests::content;

    #[test]
    fn what_was_done_is_said_with_what_stays() {
        let mut swarm = content("aa", Some("photos"), Some("/srv/photos"));
        assert_eq!(
            removed(&swarm),
            "photos is not kept any more; its files stay at /srv/photos"
        );
        swarm.place = None;
        assert_eq!(
            removed(&swarm),
            "photos is not kept any more; it has no files yet"
        );
        assert_eq!(
            Word::Recheck.done(&swarm),
            "photos is checked anew: 10 parts"
        );
    }
}
