//! What is logged, read and set while the node runs.

use std::sync::Arc;

use actix_web::web::{Data, Json};

use crate::http::face::{Inner, LogControl};
use crate::http::model::LogFilter;
use crate::http::problem::Problem;

/// What is logged
#[utoipa::path(
    get,
    path = "/api/v1/log",
    tag = "node",
    responses(
        (status = 200, description = "The filter in force", body = LogFilter),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The host is not this machine", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The log is the host application's", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn read(inner: Data<Inner>) -> Result<Json<LogFilter>, Problem> {
    let filter = control(&inner)?.filter();
    Ok(Json(LogFilter { filter }))
}

/// Log more, or less
///
/// Until it is set again; the next start begins with `RUST_LOG`.
#[utoipa::path(
    put,
    path = "/api/v1/log",
    tag = "node",
    request_body = LogFilter,
    security(("token" = [])),
    responses(
        (status = 200, description = "The filter in force", body = LogFilter),
        (status = 400, description = "The request cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The node has no token", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The log is the host application's", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It is no filter", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn set(
    inner: Data<Inner>,
    word: Json<LogFilter>,
) -> Result<Json<LogFilter>, Problem> {
    let control = control(&inner)?;
    control.set(&word.filter).map_err(Problem::unusable)?;
    let filter = control.filter();
    Ok(Json(LogFilter { filter }))
}

fn control(inner: &Inner) -> Result<&Arc<dyn LogControl>, Problem> {
    let log = inner.log.as_ref();
    log.ok_or_else(|| Problem::not_found("the log of this node is its host application's"))
}
