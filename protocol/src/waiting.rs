//! stub
use crate::layout::PieceIndex;
/// s
#[derive(Clone, Debug, Default)]
pub struct Situation {
    pub paused: bool,
    pub refused: Option<String>,
    pub known: bool,
    pub pieces: u32,
    pub unchecked: u32,
    pub missing: u32,
    pub trouble: Option<String>,
    pub waits_for_turn: bool,
    pub links: u32,
    pub useful_links: u32,
    pub choking_links: u32,
    pub without_holder: u32,
    pub first_without_holder: Option<PieceIndex>,
    pub leased: u32,
    pub down_rate: u64,
    pub sources: u32,
}
/// w
#[derive(Clone, Debug)]
pub struct Wait {
    pub code: WaitCode,
    pub detail: String,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitCode {
    Paused,
}
pub fn reasons(_: &Situation) -> Vec<Wait> {
    Vec::new()
}
impl WaitCode {
    pub const ALL: [Self; 1] = [Self::Paused];
    pub fn as_str(self) -> &'static str {
        "paused"
    }
}
impl std::fmt::Display for WaitCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
