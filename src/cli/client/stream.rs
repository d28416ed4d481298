//! The event stream of a node, which outlives the node: whoever reads it hears when the node is
//! gone, and when it is back.

use std::time::Duration;

use reqwest::Response;
use swarmlet::http::model::Status;

use super::connect::Connection;
use super::error::ClientError;
use super::sse::{Event, Parser};

/// 1 s between attempts to reach a node that is gone: a restart takes as long.
const RETRY: Duration = Duration::from_secs(1);

/// What a stream brings.
#[derive(Debug)]
pub(crate) enum News {
    /// What the node said; nothing but that it is alive if there is none.
    Events(Vec<Event>),
    /// The node is gone, and why. It is waited for.
    Gone(String),
    /// It is back.
    Back,
}

/// The stream.
#[derive(Debug)]
pub(crate) struct Stream<'a> {
    connection: &'a Connection,
    response: Option<Response>,
    parser: Parser,
    /// The last fact that was heard, empty if none was.
    last: String,
    /// The name that the node had in this life.
    life: Option<String>,
}

impl<'a> Stream<'a> {
    /// Begins to listen.
    ///
    /// # Errors
    /// The node is not there, or refuses.
    pub(crate) async fn open(connection: &'a Connection) -> Result<Self, ClientError> {
        Ok(Self {
            response: Some(connection.listen(None).await?),
            connection,
            parser: Parser::default(),
            last: String::new(),
            life: None,
        })
    }

    /// What comes next.
    ///
    /// # Errors
    /// The node is there, and refuses or says what is no event.
    pub(crate) async fn next(&mut self) -> Result<News, ClientError> {
        let Some(response) = &mut self.response else {
            self.return_to_it().await?;
            return Ok(News::Back);
        };
        let reason = match response.chunk().await {
            Ok(Some(bytes)) => {
                let events = self.parser.push(&bytes);
                let events =
                    events.map_err(|error| self.connection.no_answer(error.to_string()))?;
                events.iter().for_each(|event| self.note(event));
                return Ok(News::Events(events));
            }
            Ok(None) => "it has stopped".to_owned(),
            Err(error) if error.is_timeout() => "it says nothing".to_owned(),
            Err(_) => "the connection broke".to_owned(),
        };
        self.response = None;
        Ok(News::Gone(reason))
    }

    fn note(&mut self, event: &Event) {
        self.last.clone_from(&event.id);
        if event.kind == "status" && self.life.is_none() {
            let status = serde_json::from_str::<Status>(&event.data);
            self.life = status.ok().map(|status| status.peer_id);
        }
    }

    async fn return_to_it(&mut self) -> Result<(), ClientError> {
        loop {
            tokio::time::sleep(RETRY).await;
            match self.try_again().await {
                Ok(response) => {
                    self.response = Some(response);
                    self.parser = Parser::default();
                    return Ok(());
                }
                // It is not there yet, or on its way down.
                Err(
                    ClientError::NoNode { .. }
                    | ClientError::Silent { .. }
                    | ClientError::Refused { status: 503, .. },
                ) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn try_again(&mut self) -> Result<Response, ClientError> {
        let status = self.connection.look::<Status>("/api/v1/status").await?;
        let life = Some(status.read.peer_id);
        // Facts are numbered anew in each life.
        if life != self.life {
            self.last.clear();
            self.life = life;
        }
        let last = Some(self.last.as_str()).filter(|last| !last.is_empty());
        self.connection.listen(last).await
    }
}
