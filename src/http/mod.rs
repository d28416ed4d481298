//! The HTTP face of a node: an API, an event stream, a dashboard, metrics for Prometheus, and the
//! contents themselves.
//!
//! A face belongs to a node. It listens by itself ([`Face::serve`]), or its routes are mounted in an
//! actix-web application that is there already ([`Face::scope`]):
//!
//! ```no_run
//! use actix_web::{App, HttpServer};
//! use swarmlet::http::Face;
//!
//! # async fn run(node: swarmlet::Node) -> std::io::Result<()> {
//! let face = Face::builder().token("a long secret").build(&node);
//! HttpServer::new(move || App::new().service(face.scope("/swarm")))
//!     .bind("127.0.0.1:8080")?
//!     .run()
//!     .await
//! # }
//! ```
//!
//! It decides nothing about the node: each request becomes a question or a word to the supervisor.
//! Who may ask what stands in one file, `access`.

mod access;
mod actor;
mod api;
mod content;
mod crowd;
mod dashboard;
mod events;
mod face;
mod line;
#[allow(unused_qualifications, reason = "what the macro for parameters writes")]
mod meaning;
mod metrics;
pub mod model;
mod openapi;
mod problem;
mod process;
mod server;

pub use self::access::Topic;
pub use self::face::{Face, FaceBuilder, LogControl};
pub use self::problem::Problem;
pub use self::server::{Server, listen_at};

/// The description of the API (OpenAPI), as JSON.
#[must_use]
pub fn openapi_document() -> String {
    openapi::json()
}
