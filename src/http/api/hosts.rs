//! Links, and hosts that are not spoken to.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path, Query};

use super::infohash;
use crate::http::face::Inner;
use crate::http::meaning::{self, Which};
use crate::http::model::{AddPeer, Ban, BanWord, Bans, Peers};
use crate::http::problem::Problem;

/// The links
#[utoipa::path(
    get,
    path = "/api/v1/peers",
    tag = "peers",
    params(Which),
    responses(
        (status = 200, description = "The links", body = Peers),
        (status = 400, description = "The request cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The host is not this machine", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The node stops", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn peers(
    inner: Data<Inner>,
    which: Query<Which>,
) -> Result<Json<Peers>, Problem> {
    let wanted = which.infohash.as_deref().map(infohash).transpose()?;
    let mut peers = Peers::of(&inner.report().await?);
    if let Some(wanted) = wanted.map(|wanted| wanted.to_string()) {
        peers
            .peers
            .retain(|peer| peer.infohash.as_ref() == Some(&wanted));
    }
    Ok(Json(peers))
}

/// Name a peer
///
/// Tried for every content; a host name is resolved again and again. Not remembered.
#[utoipa::path(
    post,
    path = "/api/v1/peers",
    tag = "peers",
    request_body = AddPeer,
    security(("token" = [])),
    responses(
        (status = 202, description = "It will be tried"),
        (status = 400, description = "The request cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The node has no token", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It is no address", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn add_peer(
    inner: Data<Inner>,
    word: Json<AddPeer>,
) -> Result<HttpResponse, Problem> {
    inner.node.add_peers([meaning::peer(&word)?]);
    Ok(HttpResponse::Accepted().finish())
}

/// Hosts that are not spoken to
#[utoipa::path(
    get,
    path = "/api/v1/bans",
    tag = "peers",
    responses(
        (status = 200, description = "The hosts", body = Bans),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The host is not this machine", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The node stops", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn bans(inner: Data<Inner>) -> Result<Json<Bans>, Problem> {
    let report = inner.report().await?;
    Ok(Json(Bans::from(report.bans.as_slice())))
}

/// Do not speak to a host
///
/// Its links are closed. For some time, or until that is lifted.
#[utoipa::path(
    post,
    path = "/api/v1/bans",
    tag = "peers",
    request_body = BanWord,
    security(("token" = [])),
    responses(
        (status = 201, description = "It is not spoken to any more", body = Ban),
        (status = 400, description = "The request cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The node has no token", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It is no address of a host, or no time", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn ban(
    inner: Data<Inner>,
    word: Json<BanWord>,
) -> Result<HttpResponse, Problem> {
    let (ip, time) = meaning::ban(&word)?;
    inner.node.ban(ip, time);
    Ok(HttpResponse::Created().json(Ban {
        ip: ip.to_string(),
        seconds_left: time.map(|time| time.as_secs_f64()),
    }))
}

/// Speak to a host again
#[utoipa::path(
    delete,
    path = "/api/v1/bans/{ip}",
    tag = "peers",
    params(("ip" = String, Path, description = "The host's IP address")),
    security(("token" = [])),
    responses(
        (status = 204, description = "It may be spoken to"),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The node has no token", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "It was not banned", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It is no address of a host", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn unban(
    inner: Data<Inner>,
    host: Path<String>,
) -> Result<HttpResponse, Problem> {
    let ip = meaning::host(&host)?;
    match inner.node.unban(ip).await {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(Problem::not_found(format!("{ip} is not banned"))),
    }
}
