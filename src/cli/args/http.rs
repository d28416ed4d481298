//! The flags of the HTTP face.

use std::path::PathBuf;

use clap::Args;
use swarmlet::http::Topic;

use crate::cli::values::HttpAddress;

/// Where and to whom a node shows itself over HTTP.
#[derive(Clone, Debug, Args)]
pub(crate) struct HttpArgs {
    /// Address of the dashboard, the API and metrics: IP, IP:PORT, [IPv6]:PORT or off [default: 127.0.0.1:6880]
    ///
    /// An IP alone means port 6880. If the default is taken, as by a second node on this machine,
    /// the node goes on without; its state directory has a socket, http.sock, in any case. With off
    /// there is neither.
    #[arg(
        long,
        value_name = "ADDR|off",
        env = "SWARMLET_HTTP",
        hide_env_values = true
    )]
    pub(crate) http: Option<HttpAddress>,

    /// File with the token that changes over HTTP need [default: http-token in the state directory]
    ///
    /// Whoever looks from another machine needs it, too, but for what --http-open names. The default one
    /// is made at the first start. A token is one line of 16 to 200 characters.
    #[arg(
        long,
        value_name = "FILE",
        env = "SWARMLET_HTTP_TOKEN_FILE",
        hide_env_values = true
    )]
    pub(crate) http_token_file: Option<PathBuf>,

    /// What other machines may look at without the token: status, metrics, content [default: nothing]
    ///
    /// With commas between several. /healthz and /readyz are open to everybody, and say nothing else.
    #[arg(
        long,
        value_name = "WHAT",
        env = "SWARMLET_HTTP_OPEN",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) http_open: Vec<Topic>,
}
