//! Contents: listed, added, paused, checked, removed.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Json, Path};
use swarmlet_protocol::id::InfoHash;

use super::infohash;
use crate::Refusal;
use crate::http::face::Inner;
use crate::http::meaning;
use crate::http::model::{AddSwarm, Pieces, Swarm, SwarmDetails, Swarms};
use crate::http::problem::Problem;
use crate::report::SwarmReport;

/// The contents
#[utoipa::path(
    get,
    path = "/api/v1/swarms",
    tag = "swarms",
    responses(
        (status = 200, description = "The contents", body = Swarms),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The host is not this machine", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The node stops", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn list(inner: Data<Inner>) -> Result<Json<Swarms>, Problem> {
    let report = inner.report().await?;
    let swarms = report.swarms.iter().map(Swarm::from).collect();
    Ok(Json(Swarms { swarms }))
}

/// A content, with its files
#[utoipa::path(
    get,
    path = "/api/v1/swarms/{infohash}",
    tag = "swarms",
    params(("infohash" = String, Path, description = "The content: 40 hex digits")),
    responses(
        (status = 200, description = "The content", body = SwarmDetails),
        (status = 400, description = "It is no infohash", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The host is not this machine", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such content", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The node stops", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn one(
    inner: Data<Inner>,
    hash: Path<String>,
) -> Result<Json<SwarmDetails>, Problem> {
    let info_hash = infohash(&hash)?;
    let report = report(&inner, info_hash).await?;
    let pieces = inner.node.pieces(info_hash).await;
    Ok(Json(SwarmDetails::of(&report, &pieces)))
}

/// Where every piece of a content stands
#[utoipa::path(
    get,
    path = "/api/v1/swarms/{infohash}/pieces",
    tag = "swarms",
    params(("infohash" = String, Path, description = "The content: 40 hex digits")),
    responses(
        (status = 200, description = "Its pieces; none while it is not known what it is", body = Pieces),
        (status = 400, description = "It is no infohash", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The host is not this machine", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such content", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The node stops", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn pieces(
    inner: Data<Inner>,
    hash: Path<String>,
) -> Result<Json<Pieces>, Problem> {
    let info_hash = infohash(&hash)?;
    report(&inner, info_hash).await?;
    let pieces = inner.node.pieces(info_hash).await;
    Ok(Json(Pieces::from(pieces.as_slice())))
}

/// Keep a content
///
/// In this life of the node and, if it has a state directory, in the next ones.
#[utoipa::path(
    post,
    path = "/api/v1/swarms",
    tag = "swarms",
    request_body = AddSwarm,
    security(("token" = [])),
    responses(
        (status = 201, description = "It is kept from now on", body = Swarm, headers(("Location" = String, description = "Where the content is in the API"))),
        (status = 400, description = "The request cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The node has no token", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is kept already, there are too many, or the node has still to learn its own", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It describes nothing that can be kept, or cannot be kept there", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The node stops", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn add(
    inner: Data<Inner>,
    word: Json<AddSwarm>,
) -> Result<HttpResponse, Problem> {
    let share = meaning::content(word.into_inner(), inner.folder.as_deref())?;
    let info_hash = inner.node.add(share).await?;
    let report = report(&inner, info_hash).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/api/v1/swarms/{info_hash}")))
        .json(Swarm::from(&report)))
}

/// Fetch and serve nothing of a content
///
/// Until it is resumed, in later lives of the node as well. Links stay, and are choked.
#[utoipa::path(
    post,
    path = "/api/v1/swarms/{infohash}/pause",
    tag = "swarms",
    params(("infohash" = String, Path, description = "The content: 40 hex digits")),
    security(("token" = [])),
    responses(
        (status = 200, description = "It is paused", body = Swarm),
        (status = 400, description = "It is no infohash", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The node has no token", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such content", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The node stops", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn pause(
    inner: Data<Inner>,
    hash: Path<String>,
) -> Result<Json<Swarm>, Problem> {
    let info_hash = infohash(&hash)?;
    inner.node.pause(info_hash).await?;
    Ok(Json(Swarm::from(&report(&inner, info_hash).await?)))
}

/// Go on with a content
#[utoipa::path(
    post,
    path = "/api/v1/swarms/{infohash}/resume",
    tag = "swarms",
    params(("infohash" = String, Path, description = "The content: 40 hex digits")),
    security(("token" = [])),
    responses(
        (status = 200, description = "It goes on", body = Swarm),
        (status = 400, description = "It is no infohash", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The node has no token", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such content", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The node stops", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn resume(
    inner: Data<Inner>,
    hash: Path<String>,
) -> Result<Json<Swarm>, Problem> {
    let info_hash = infohash(&hash)?;
    inner.node.resume(info_hash).await?;
    Ok(Json(Swarm::from(&report(&inner, info_hash).await?)))
}

/// Check every piece of a content anew
///
/// What is wrong is fetched again. While the check runs the content is not complete.
#[utoipa::path(
    post,
    path = "/api/v1/swarms/{infohash}/verify",
    tag = "swarms",
    params(("infohash" = String, Path, description = "The content: 40 hex digits")),
    security(("token" = [])),
    responses(
        (status = 200, description = "It is being checked", body = Swarm),
        (status = 400, description = "It is no infohash", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The node has no token", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such content", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is not known yet what it is", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The node stops", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn verify(
    inner: Data<Inner>,
    hash: Path<String>,
) -> Result<Json<Swarm>, Problem> {
    let info_hash = infohash(&hash)?;
    inner.node.verify(info_hash).await?;
    Ok(Json(Swarm::from(&report(&inner, info_hash).await?)))
}

/// Keep a content no longer
///
/// Its links are closed; its files stay. What the node's configuration names comes back with its next start.
#[utoipa::path(
    delete,
    path = "/api/v1/swarms/{infohash}",
    tag = "swarms",
    params(("infohash" = String, Path, description = "The content: 40 hex digits")),
    security(("token" = [])),
    responses(
        (status = 204, description = "It is not kept any more"),
        (status = 400, description = "It is no infohash", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The node has no token", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such content", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn remove(
    inner: Data<Inner>,
    hash: Path<String>,
) -> Result<HttpResponse, Problem> {
    inner.node.remove(infohash(&hash)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn report(inner: &Inner, info_hash: InfoHash) -> Result<SwarmReport, Problem> {
    let report = inner.report().await?;
    let swarm = report
        .swarms
        .into_iter()
        .find(|swarm| swarm.info_hash == info_hash);
    swarm.ok_or_else(|| Refusal::Unknown(info_hash).into())
}
