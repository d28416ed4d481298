//! Errors of the HTTP face: problem documents (RFC 9457).

use std::{fmt, io};

use actix_web::error::{JsonPayloadError, PayloadError, QueryPayloadError};
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use swarmlet_protocol::text::line;
use utoipa::ToSchema;

use super::meaning::Unusable;

/// The media type of a problem.
const MEDIA_TYPE: &str = "application/problem+json";

/// 4 KiB: bytes of a detail. A path may be that long; a body or a path that is quoted may be of any
/// length, and hold anything.
const MAX_DETAIL: usize = 4_096;

/// What went wrong with a request (RFC 9457).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// What kind of problem it is: `urn:swarmlet:` and a word that stays the same.
    #[serde(rename = "type")]
    #[schema(example = "urn:swarmlet:unknown-swarm")]
    pub kind: String,
    /// The same for people; of all problems of a kind the same.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time, on one line, and what to do about it.
    pub detail: String,
}

impl Problem {
    /// Of that kind; what the detail quotes may hold anything.
    pub(super) fn new(
        status: StatusCode,
        kind: &str,
        title: &str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: format!("urn:swarmlet:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: line(&detail.into(), MAX_DETAIL),
        }
    }

    /// The request means nothing.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        let title = "The request cannot be understood";
        Self::new(StatusCode::BAD_REQUEST, "invalid", title, detail)
    }

    /// What the request says is clear, and cannot be done.
    pub(super) fn unusable(detail: impl Into<String>) -> Self {
        let title = "The request cannot be followed";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unusable", title, detail)
    }

    /// There is no such thing.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "There is no such thing",
            detail,
        )
    }

    /// The state of things does not allow it now.
    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        let title = "That is not possible as things stand";
        Self::new(StatusCode::CONFLICT, "conflict", title, detail)
    }

    /// No token, or a wrong one.
    pub(super) fn unauthorized(detail: impl Into<String>) -> Self {
        let title = "A token is needed";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", title, detail)
    }

    /// No token would help.
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "This is not allowed",
            detail,
        )
    }

    /// There is too much to do.
    pub(super) fn busy(detail: impl Into<String>) -> Self {
        let title = "Not now; try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", title, detail)
    }

    /// The body has another form than is understood.
    pub(super) fn media_type(detail: impl Into<String>) -> Self {
        let title = "The body must be JSON";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media-type",
            title,
            detail,
        )
    }

    /// The body is too long.
    pub(super) fn too_long(detail: impl Into<String>) -> Self {
        let title = "The body is too long";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", title, detail)
    }

    /// No more of the body comes.
    pub(super) fn too_slow() -> Self {
        let title = "The body does not come";
        let detail = "no more of it came for too long";
        Self::new(StatusCode::REQUEST_TIMEOUT, "too-slow", title, detail)
    }

    /// The range lies beyond the end.
    pub(super) fn range(detail: impl Into<String>) -> Self {
        let title = "The range lies beyond the end";
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", title, detail)
    }

    /// The node is gone while its HTTP face still answers.
    pub(super) fn shut_down() -> Self {
        Self::busy("this node is shut down")
    }

    fn method(request: &HttpRequest) -> Self {
        let title = "This cannot be done with that";
        let detail = format!(
            "{} is not understood at {}",
            request.method(),
            request.path()
        );
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", title, detail)
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The answer to a request.
    pub(super) fn response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        response.content_type(MEDIA_TYPE);
        match self.status() {
            StatusCode::UNAUTHORIZED => {
                response.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"swarmlet\""));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.insert_header((RETRY_AFTER, "1"));
            }
            _ => {}
        }
        response.body(serde_json::to_vec(self).unwrap_or_default())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.response()
    }
}

/// Bodies that are no JSON of ours.
impl From<JsonPayloadError> for Problem {
    fn from(error: JsonPayloadError) -> Self {
        match error {
            JsonPayloadError::ContentType => {
                Self::media_type("send it with 'Content-Type: application/json'")
            }
            JsonPayloadError::OverflowKnownLength { length, limit } => {
                Self::too_long(format!("it has {length} bytes; the limit is {limit}"))
            }
            JsonPayloadError::Overflow { limit } => {
                Self::too_long(format!("the limit is {limit} bytes"))
            }
            JsonPayloadError::Payload(PayloadError::Io(error))
                if error.kind() == io::ErrorKind::TimedOut =>
            {
                Self::too_slow()
            }
            error => Self::invalid(format!("the body is not what is understood here: {error}")),
        }
    }
}

/// Queries that are none of ours.
impl From<QueryPayloadError> for Problem {
    fn from(error: QueryPayloadError) -> Self {
        Self::invalid(format!("the query is not what is understood here: {error}"))
    }
}

impl From<Unusable> for Problem {
    fn from(unusable: Unusable) -> Self {
        Self::unusable(unusable.to_string())
    }
}

/// What is said of a path that means nothing here.
pub(super) async fn no_such_path(request: HttpRequest) -> HttpResponse {
    let path = request.path();
    Problem::not_found(format!("nothing is at {path}")).response()
}

/// What is said of a method that a path does not understand.
pub(super) fn no_such_method(
    allowed: &'static str,
) -> impl Fn(HttpRequest) -> std::future::Ready<HttpResponse> + Clone {
    move |request| {
        let mut response = Problem::method(&request).response();
        let allowed = actix_web::http::header::HeaderValue::from_static(allowed);
        response.headers_mut().insert(ALLOW, allowed);
        std::future::ready(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_one_line_and_short_whatever_it_quotes() {
        let error = serde_json::from_str::<super::super::model::AddPeer>(&format!(
            "{{\"a\\nb{}\":1}}",
            "\u{202e}".repeat(9_000)
        ));
        let problem = Problem::from(JsonPayloadError::Deserialize(error.unwrap_err()));
        assert!(problem.detail.contains("a\\nb\\u{202e}"), "{problem}");
        assert!(problem.detail.len() <= MAX_DETAIL && problem.detail.ends_with("..."));
        assert!(!problem.detail.contains(['\n', '\u{202e}']));
    }
}
