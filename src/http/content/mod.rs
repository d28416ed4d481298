//! `/content/{infohash}/{path}`: files of contents, for whoever speaks HTTP. Also while they are on
//! their way: what is asked for comes first.

mod names;
mod range;

use actix_web::body::{BodySize, MessageBody, SizedStream};
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, ETAG,
    HeaderName, IF_NONE_MATCH, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::unfold;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::picker::PieceState;

pub(super) use self::names::{ROUTE, url_of};
use self::names::{find, matches};
use self::range::{Asked, asked};
use super::api::infohash;
use super::face::Inner;
use super::problem::Problem;
use crate::{ReadError, Reader};

/// A file of a content
///
/// The whole file, or the part that `Range` asks for. It can be read while it is still on its way: what
/// is missing is fetched before anything else, and the answer waits for it. Every piece was
/// verified when it came or was checked; what another program changes in the file since then is noticed within
/// a second by the times of the file, in a folder of very many files later, and hashed before any of it is served. The
/// content of a swarm never changes, so its `ETag` is that of the swarm and the file.
#[utoipa::path(
    get,
    path = "/content/{infohash}/{path}",
    tag = "content",
    params(
        ("infohash" = String, Path, description = "The content: 40 hex digits"),
        ("path" = String, Path, description = "The file: its path within the content, with slashes; the content's name where it is a single file"),
        ("Range" = Option<String>, Header, description = "One range of bytes (RFC 9110, 14)"),
        ("If-Range" = Option<String>, Header, description = "The range only if the ETag is still that"),
        ("If-None-Match" = Option<String>, Header, description = "Nothing if the ETag is still that"),
    ),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 206, description = "The part of the file", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 304, description = "It is what the caller has"),
        (status = 400, description = "The request cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The host is not this machine", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such content or file", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is not known yet what the content is, the file is not selected, or it is paused and not here", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "The range lies beyond the end", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many read, the disk does not give it, or the node stops", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn content(
    request: HttpRequest,
    path: Path<(String, String)>,
    inner: Data<Inner>,
) -> Result<HttpResponse, Problem> {
    let (hash, path) = path.into_inner();
    let info_hash = infohash(&hash)?;
    let mut reader = inner.node.read(info_hash, ..).await?;
    let (number, file) = find(reader.info(), &path)
        .ok_or_else(|| Problem::not_found(format!("{info_hash} has no file '{path}'")))?;
    let (offset, length) = (file.offset, file.length);
    let etag = format!("\"{info_hash}-{number}\"");
    let media = mime_guess::from_path(&path).first_or_octet_stream();
    let mut response = HttpResponse::Ok();
    response
        .insert_header((ETAG, etag.clone()))
        .insert_header((ACCEPT_RANGES, "bytes"))
        // The tag tells whether it is still that. It may be a secret.
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        // A stranger's page must not run as if it were ours.
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((
            "Content-Security-Policy",
            "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'",
        ))
        .insert_header((CONTENT_DISPOSITION, "inline"))
        .content_type(media.essence_str());
    let header = |name: HeaderName| request.headers().get(name)?.to_str().ok();
    if header(IF_NONE_MATCH).is_some_and(|tags| matches(tags, &etag)) {
        return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
    }
    // A range of something else than what the caller has is of no use to it.
    let if_range = header(IF_RANGE).is_none_or(|tag| tag.trim() == etag);
    let range = match asked(header(RANGE).filter(|_| if_range), length) {
        Asked::All => 0..length,
        Asked::Part(range) => {
            let (first, last) = (range.start, range.end - 1);
            let shown = format!("bytes {first}-{last}/{length}");
            response
                .status(StatusCode::PARTIAL_CONTENT)
                .insert_header((CONTENT_RANGE, shown));
            range
        }
        Asked::Beyond => {
            let mut response = Problem::range(format!("'{path}' has {length} bytes")).response();
            let whole = format!("bytes */{length}");
            if let Ok(whole) = whole.parse() {
                response.headers_mut().insert(CONTENT_RANGE, whole);
            }
            return Ok(response);
        }
    };
    let left = range.end - range.start;
    reader.seek(offset + range.start..offset + range.end);
    if *request.method() == Method::HEAD {
        response.insert_header((CONTENT_LENGTH, left));
        return Ok(response.body(Headless(left)));
    }
    if reader.is_paused() && !is_here(&inner, info_hash, &reader).await {
        let detail = "the content is paused, and these bytes are not here: resume it";
        return Err(Problem::conflict(detail));
    }
    // The first bytes are waited for before anything is said: so a refusal is one.
    let first = first(&mut reader).await?;
    let rest = unfold((reader, first), |(mut reader, first)| async move {
        let next = match first {
            Some(first) => Ok(Some(first)),
            None => again(&mut reader).await,
        };
        match next {
            Ok(Some(bytes)) => Some((Ok(bytes), (reader, None))),
            Ok(None) => None,
            // The length was said already: all that is left is to hang up.
            Err(error) => Some((Err(std::io::Error::other(error)), (reader, None))),
        }
    });
    Ok(response.body(SizedStream::new(left, Box::pin(rest))))
}

/// Is the piece here that is to be read next?
async fn is_here(inner: &Inner, info_hash: InfoHash, reader: &Reader) -> bool {
    let Some(next) = reader.next_piece() else {
        return true;
    };
    let pieces = inner.node.pieces(info_hash).await;
    pieces.get(next as usize) == Some(&PieceState::Have)
}

/// The first bytes, or the refusal that there are none.
async fn first(reader: &mut Reader) -> Result<Option<Bytes>, Problem> {
    again(reader).await.map_err(|error| match error {
        ReadError::Piece {
            reason: crate::ReadRefusal::NotSelected,
            ..
        } => Problem::conflict("this file is not selected, and will not be fetched"),
        error => Problem::busy(error.to_string()),
    })
}

/// The next bytes. What was lost between two looks is waited for once more.
async fn again(reader: &mut Reader) -> Result<Option<Bytes>, ReadError> {
    match reader.next().await {
        Err(ReadError::Disk(_)) => reader.next().await,
        read => read,
    }
}

/// The body of an answer to HEAD: a length and nothing else.
struct Headless(u64);

impl MessageBody for Headless {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0)
    }

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Bytes, Self::Error>>> {
        std::task::Poll::Ready(None)
    }
}
