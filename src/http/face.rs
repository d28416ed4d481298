//! The HTTP face of a node: what its requests share, and its routes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::dev::{HttpServiceFactory, Service, ServiceRequest};
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HOST, LOCATION};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data};
use actix_web::{Error, HttpRequest, HttpResponse, Route, guard};

use super::access::{Access, Caller, Denied, Need, Topic};
use super::events::{Hub, Picture, fact};
use super::model::{Peers, Status, Swarm, Swarms};
use super::problem::{Problem, no_such_method, no_such_path};
use super::{api, content, dashboard, events, metrics, process};
use crate::report::NodeReport;
use crate::{Event, Node};

/// Reads and sets what is logged, where that is the node's to say.
pub trait LogControl: Send + Sync {
    /// The filter in force, as in `RUST_LOG`.
    fn filter(&self) -> String;

    /// Another one, from now on.
    ///
    /// # Errors
    /// It is no filter; says why in one line.
    fn set(&self, filter: &str) -> Result<(), String>;
}

/// The HTTP face of a node: its API, dashboard, metrics and contents.
///
/// [`Face::serve`](Face::serve) listens on addresses of its own; [`Face::scope`] gives its routes to an
/// application that has a server already. Cheap to clone; all clones are one face.
///
/// Without a token it can be looked at from this machine, and changes nothing.
///
/// ```no_run
/// # async fn run(node: swarmlet::Node) -> std::io::Result<()> {
/// use std::net::TcpListener;
/// use swarmlet::http::{Face, Topic};
///
/// let face = Face::builder()
///     .token("a long secret") // for changes, and for looks from other machines
///     .open(Topic::Metrics) // but for these
///     .build(&node);
/// let server = face.serve(Some(TcpListener::bind("127.0.0.1:6880")?), None)?;
/// // ... and at the end:
/// server.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Face {
    pub(super) inner: Arc<Inner>,
}

/// What all requests share.
pub(super) struct Inner {
    pub(super) node: Node,
    pub(super) hub: Arc<Hub>,
    pub(super) requests: metrics::Requests,
    pub(super) log: Option<Arc<dyn LogControl>>,
    /// Where contents are kept of which nothing else is said.
    pub(super) folder: Option<PathBuf>,
    access: Access,
}

/// What a face is told at its start.
#[derive(Default)]
pub struct FaceBuilder {
    token: Option<String>,
    open: Vec<Topic>,
    log: Option<Arc<dyn LogControl>>,
    folder: Option<PathBuf>,
}

/// A mark of connections that came by the socket in the state directory.
#[derive(Copy, Clone, Debug)]
pub(super) struct BySocket;

impl FaceBuilder {
    /// The token that changes need, and looks from other machines. Without one neither is possible.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Lets other machines look at this without a token.
    #[must_use]
    pub fn open(mut self, topic: Topic) -> Self {
        self.open.push(topic);
        self
    }

    /// What is logged can be read and set by this.
    #[must_use]
    pub fn log(mut self, log: Arc<dyn LogControl>) -> Self {
        self.log = Some(log);
        self
    }

    /// The directory in which contents are kept that are added without a place.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// The face of that node. It hears of the node's events from now on, on the present arbiter.
    ///
    /// # Panics
    /// If this is no actix system.
    #[must_use]
    pub fn build(self, node: &Node) -> Face {
        let inner = Arc::new(Inner {
            node: node.clone(),
            hub: Arc::new(Hub::new()),
            requests: metrics::Requests::default(),
            log: self.log,
            folder: self.folder,
            access: Access::new(self.token, self.open),
        });
        super::actor::start(&inner);
        Face { inner }
    }
}

impl Face {
    /// Says what a face needs to know.
    #[must_use]
    pub fn builder() -> FaceBuilder {
        FaceBuilder::default()
    }

    /// All routes of the face below that path (`""` for the root of the server), for the
    /// `App` of an actix-web application. Its middleware is the application's to choose; who may look and
    /// change is the face's, as where it serves by itself.
    #[must_use]
    pub fn scope(&self, path: &str) -> impl HttpServiceFactory + 'static {
        let inner = Data::from(Arc::clone(&self.inner));
        let counted = Arc::clone(&self.inner);
        web::scope(path)
            .configure(|config| {
                // The links of the dashboard are relative: without a slash they lead elsewhere.
                if !matches!(path, "" | "/") {
                    config.service(only_look("").route(look().to(with_slash)));
                }
            })
            .app_data(inner)
            .app_data(api::json_config())
            .app_data(api::query_config())
            .service(
                web::scope("/api/v1")
                    .wrap(from_fn(|request, next| admit(Topic::Status, request, next)))
                    .configure(api::routes)
                    .service(
                        // A look at the head alone would take a seat for no end.
                        web::resource("/events")
                            .route(web::get().to(events::stream::events))
                            .default_service(web::to(no_such_method("GET"))),
                    )
                    .default_service(web::to(no_such_path)),
            )
            .service(
                only_look("/metrics")
                    .wrap(from_fn(|request, next| {
                        admit(Topic::Metrics, request, next)
                    }))
                    .route(look().to(metrics::metrics)),
            )
            .service(
                only_look(content::ROUTE)
                    .wrap(from_fn(|request, next| {
                        admit(Topic::Content, request, next)
                    }))
                    .route(look().to(content::content)),
            )
            .configure(dashboard::routes)
            .configure(api::health)
            .default_service(web::to(no_such_path))
            .wrap_fn(move |request, service| {
                let counted = Arc::clone(&counted);
                let answer = service.call(request);
                async move {
                    let answer = answer.await;
                    counted.requests.count(match &answer {
                        Ok(answer) => answer.status(),
                        // What is refused before it gets to its handler.
                        Err(error) => error.as_response_error().status_code(),
                    });
                    answer
                }
            })
    }

    /// Sends the readers of the event stream away: the node stops.
    pub fn close(&self) {
        self.inner.hub.close();
    }
}

/// The same place with a slash at its end, whatever a proxy calls what is before it.
async fn with_slash(request: HttpRequest) -> HttpResponse {
    let name = request.path().rsplit('/').next().unwrap_or_default();
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, format!("{name}/")))
        .finish()
}

/// A route for GET, and for HEAD, which answers the same but for the body (RFC 9110, 9.3.2).
pub(super) fn look() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A resource that understands nothing but looking.
pub(super) fn only_look(path: &str) -> actix_web::Resource {
    web::resource(path).default_service(web::to(no_such_method("GET, HEAD")))
}

/// Lets a request through, or says why not.
async fn admit(
    topic: Topic,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    let need = if looks {
        Need::Look(topic)
    } else {
        Need::Change
    };
    let denied = match request.app_data::<Data<Inner>>() {
        Some(inner) => inner.access.judge(need, &caller(request.request())).err(),
        None => Some(Denied::NoneSet),
    };
    let problem = match denied {
        None => return Ok(next.call(request).await?.map_into_left_body()),
        Some(denied @ (Denied::NoToken | Denied::WrongToken)) => {
            Problem::unauthorized(denied.words())
        }
        Some(denied @ (Denied::NoneSet | Denied::Host)) => Problem::forbidden(denied.words()),
    };
    Ok(request
        .into_response(problem.response())
        .map_into_right_body())
}

fn caller(request: &HttpRequest) -> Caller<'_> {
    let header = |name| request.headers().get(name)?.to_str().ok();
    let bearer = header(AUTHORIZATION).map(|value| {
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        match scheme.eq_ignore_ascii_case("bearer") {
            true => token.trim(),
            // Of another scheme: it is no token of ours, whatever it is.
            false => "",
        }
    });
    Caller {
        by_socket: request.conn_data::<BySocket>().is_some(),
        ip: request.peer_addr().map(|address| address.ip()),
        host: header(HOST),
        token: bearer,
    }
}

impl Inner {
    pub(super) fn can_change(&self, request: &HttpRequest) -> bool {
        self.access.can_change(&caller(request))
    }

    pub(super) async fn report(&self) -> Result<NodeReport, Problem> {
        self.node.report().await.ok_or_else(Problem::shut_down)
    }

    pub(super) fn status(&self, report: &NodeReport, can_change: bool) -> Status {
        let log = self.log.as_ref().map(|log| log.filter());
        Status::of(report, can_change, log, process::status())
    }

    /// How the node is now, for the event stream; `None` of one that is shut down.
    pub(super) async fn picture(&self) -> Option<Picture> {
        let report = self.node.report().await?;
        let status = |can_change| json(&self.status(&report, can_change));
        let swarms = report.swarms.iter().map(Swarm::from).collect();
        Some(Picture {
            status: [true, false].map(status),
            swarms: json(&Swarms { swarms }),
            peers: json(&Peers::of(&report)),
        })
    }

    /// The node told of something.
    pub(super) fn heard(&self, event: &Event) {
        if let Some((kind, data)) = fact(event, SystemTime::now()) {
            self.hub.tell(kind, data);
        }
    }
}

fn json(value: &impl serde::Serialize) -> Arc<str> {
    // A type of ours: it has no keys that are no texts.
    serde_json::to_string(value).unwrap_or_default().into()
}
