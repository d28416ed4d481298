//! Requests to a running node, and what it answers.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use swarmlet::http::Problem;
use swarmlet_actors::http::cause;

use super::error::ClientError;
use super::target::Way;
use crate::cli::args::ClientArgs;
use crate::cli::error::CliError;
use crate::cli::face::{TOKEN, read_token};
use crate::cli::state_dir;

/// 5 s until a connection stands: a machine that is there answers within a second.
const CONNECT: Duration = Duration::from_secs(5);

/// 30 s for an answer: a node that reads a description of 32 MiB takes seconds.
const ANSWER: Duration = Duration::from_secs(30);

/// 25 s of silence on a stream of events, on which a node says every 10 s that it is alive.
const SILENCE: Duration = Duration::from_secs(25);

/// 16 MiB: the longest answer; 64 contents with their piece maps have less than 1 MiB.
const MAX_ANSWER: usize = 16 << 20;

/// A node that can be asked.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
    /// What paths are appended to.
    base: String,
    /// Where it is, for people.
    shown: String,
    /// It was looked for in several places.
    is_guess: bool,
    is_here: bool,
    token: Token,
}

#[derive(Debug)]
enum Token {
    /// None is known.
    None,
    /// It was named: for every request.
    Named(String),
    /// It was found: for changes only. It may be another node's, which would refuse a look with it.
    Found(String),
}

/// What a node answered, as it is and as it is understood.
#[derive(Clone, Debug)]
pub(crate) struct Answer<T> {
    pub(crate) json: Value,
    pub(crate) read: T,
}

impl Connection {
    /// The way to the node that the arguments name. Asks nothing yet.
    ///
    /// # Errors
    /// The token cannot be used; the node is another user's.
    pub(crate) fn new(args: &ClientArgs) -> Result<Self, CliError> {
        let way = Way::to(args.node.as_ref())?;
        let mut builder = Client::builder()
            .user_agent(concat!("swarmlet/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            // A proxy for the Internet knows no sockets and no machines of ours.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        let (base, shown) = match &way {
            Way::Socket(path) => {
                builder = builder.unix_socket(path.as_path());
                ("http://localhost".to_owned(), way.shown())
            }
            Way::Address { base, tried } => (base.clone(), or(tried, &way.shown())),
        };
        #[cfg(feature = "tls")]
        if !base.starts_with("https:") {
            // Nothing is to be read from the disk that is not needed.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| ClientError::Unusable {
            at: shown.clone(),
            reason: cause(&error),
        })?;
        Ok(Self {
            client,
            base,
            shown,
            is_guess: matches!(&way, Way::Address { tried, .. } if !tried.is_empty()),
            is_here: way.is_here(),
            token: token(args, &way)?,
        })
    }

    /// Where the node is, for people.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Is it on this machine?
    pub(crate) const fn is_here(&self) -> bool {
        self.is_here
    }

    /// Looks at something.
    ///
    /// # Errors
    /// The node is not there, refuses, or says something else.
    pub(crate) async fn look<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Answer<T>, ClientError> {
        let body = self.ask(Method::GET, path, None).await?;
        self.read(&body)
    }

    /// Says something that is answered.
    ///
    /// # Errors
    /// As for a look.
    pub(crate) async fn say<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        word: Option<&Value>,
    ) -> Result<Answer<T>, ClientError> {
        let body = self.ask(method, path, word).await?;
        self.read(&body)
    }

    /// Says something to which there is no answer but that it was done.
    ///
    /// # Errors
    /// As for a look.
    pub(crate) async fn tell(&self, method: Method, path: &str) -> Result<(), ClientError> {
        self.ask(method, path, None).await.map(drop)
    }

    /// The stream of events, from its start or after that fact.
    ///
    /// # Errors
    /// As for a look.
    pub(crate) async fn listen(&self, last: Option<&str>) -> Result<Response, ClientError> {
        let mut request = self
            .request(Method::GET, "/api/v1/events")
            .header(ACCEPT, "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        // The head of the answer comes at once, whatever the stream does.
        let answer = tokio::time::timeout(ANSWER, request.send()).await;
        let answer = answer.map_err(|_| self.silent())?;
        let answer = answer.map_err(|error| self.failure(&error))?;
        match answer.status().is_success() {
            true => Ok(answer),
            false => Err(self.refusal(answer).await),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        word: Option<&Value>,
    ) -> Result<Vec<u8>, ClientError> {
        let mut request = self.request(method, path).timeout(ANSWER);
        if let Some(word) = word {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(word.to_string());
        }
        let answer = request.send().await.map_err(|error| self.failure(&error))?;
        match answer.status().is_success() {
            true => self.body(answer).await,
            false => Err(self.refusal(answer).await),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let looks = method == Method::GET;
        let request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .header(ACCEPT, "application/json");
        match &self.token {
            Token::Named(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            Token::Found(token) if !looks => {
                request.header(AUTHORIZATION, format!("Bearer {token}"))
            }
            Token::Found(_) | Token::None => request,
        }
    }

    async fn body(&self, mut answer: Response) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| self.failure(&error))? {
            if body.len() + part.len() > MAX_ANSWER {
                return Err(self.no_answer("an answer of more than 16 MiB"));
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    async fn refusal(&self, answer: Response) -> ClientError {
        let status = answer.status();
        let body = self.body(answer).await.unwrap_or_default();
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => ClientError::Refused {
                status: problem.status,
                detail: problem.detail,
            },
            Err(_) => self.no_answer(format!("HTTP {status}")),
        }
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<Answer<T>, ClientError> {
        let json: Value = serde_json::from_slice(body)
            .map_err(|error| self.no_answer(format!("not JSON: {error}")))?;
        let read = T::deserialize(&json).map_err(|error| self.no_answer(error.to_string()))?;
        Ok(Answer { json, read })
    }

    /// Something that a node does not say.
    pub(crate) fn no_answer(&self, what: impl Into<String>) -> ClientError {
        let what = swarmlet_protocol::text::escaped(&what.into());
        let at = self.shown.clone();
        ClientError::NoAnswer { at, what }
    }

    fn silent(&self) -> ClientError {
        ClientError::Silent {
            at: self.shown.clone(),
            seconds: ANSWER.as_secs(),
        }
    }

    /// Why a request came to nothing.
    pub(crate) fn failure(&self, error: &reqwest::Error) -> ClientError {
        if error.is_timeout() && !error.is_connect() {
            return self.silent();
        }
        let reason = match error.is_timeout() {
            true => format!("no connection within {} s", CONNECT.as_secs()),
            false => cause(error),
        };
        let at = self.shown.clone();
        // What is read and is not HTTP has no kind of its own among the errors.
        match reason.starts_with("invalid ") {
            true => ClientError::NoAnswer { at, what: reason },
            false => ClientError::NoNode {
                // Of several places each has a reason of its own.
                reason: (!self.is_guess).then_some(reason),
                at,
            },
        }
    }
}

/// The places at which nobody was, and the last one.
fn or(tried: &[std::path::PathBuf], last: &str) -> String {
    let tried: Vec<_> = tried
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    match tried.is_empty() {
        true => last.to_owned(),
        false => format!("{} or {last}", tried.join(", ")),
    }
}

fn token(args: &ClientArgs, way: &Way) -> Result<Token, CliError> {
    if matches!(way, Way::Socket(_)) {
        return Ok(Token::None);
    }
    if let Some(path) = &args.token_file {
        return read_token(path).map(Token::Named);
    }
    if !way.is_here() {
        return Ok(Token::None);
    }
    let found = state_dir::candidates()
        .iter()
        .find_map(|directory| read_token(&directory.join(TOKEN)).ok());
    Ok(found.map_or(Token::None, Token::Found))
}
