//! Chooses between the SHA instructions and the `sha1` crate.

use crate::Backend;
use crate::block::{Block, State};
#[cfg(target_arch = "x86_64")]
use crate::extensions::Extensions;

/// Whatever can take several states through as many blocks each.
pub(crate) trait Compress {
    /// Takes `states[i]` through the first `count` blocks of `runs[i]`, for all i.
    ///
    /// Both have one entry per lane, one to [`LANES`](crate::LANES), and no run is shorter.
    fn compress(&mut self, states: &mut [State], runs: &[&[Block]], count: usize);
}

/// What does the work. Only what this processor can do can be made.
#[derive(Copy, Clone)]
pub(crate) enum Kernel {
    /// SHA instructions, lanes interleaved.
    #[cfg(target_arch = "x86_64")]
    Extensions(Extensions),
    /// The `sha1` crate, lane after lane.
    Portable,
}

impl Kernel {
    /// The fastest that this processor has. The answer is remembered: asking costs nothing.
    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(extensions) = Extensions::detect() {
            return Self::Extensions(extensions);
        }
        Self::Portable
    }

    /// Its name to the outside.
    pub(crate) const fn backend(self) -> Backend {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Extensions(_) => Backend::ShaExtensions,
            Self::Portable => Backend::Portable,
        }
    }

    /// Takes one state through all these blocks.
    pub(crate) fn compress_one(mut self, state: &mut State, blocks: &[Block]) {
        self.compress(std::slice::from_mut(state), &[blocks], blocks.len());
    }
}

impl Compress for Kernel {
    fn compress(&mut self, states: &mut [State], runs: &[&[Block]], count: usize) {
        match *self {
            #[cfg(target_arch = "x86_64")]
            Self::Extensions(extensions) => extensions.compress(states, runs, count),
            Self::Portable => {
                for (state, run) in states.iter_mut().zip(runs) {
                    sha1::block_api::compress(state, &run[..count]);
                }
            }
        }
    }
}
