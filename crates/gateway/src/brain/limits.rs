//! How much one turn may do.

/// Bounds of one turn. The defaults hold in `run`; tests narrow them.
#[derive(Debug, Clone, Copy)]
pub struct TurnLimits {
    /// Tool calls of a turn.
    pub calls_max: u32,
    /// How often the same call may be made; the one after ends the turn.
    pub same_calls_max: u32,
    /// How often the model may mend a malformed call.
    pub mends_max: u32,
    /// Read tools that run beside each other.
    pub parallel: usize,
    /// Bytes of all tool results of a turn together.
    pub results_bytes_max: usize,
    /// Tokens a model may write in one call.
    pub answer_tokens_max: u32,
    /// Milliseconds a tool may take.
    pub tool_ms: i64,
    /// Model calls whose time-outs a whole turn may take.
    pub deadlines_per_turn: i64,
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self {
            calls_max: 25,
            same_calls_max: 2,
            mends_max: 2,
            parallel: 4,
            results_bytes_max: 512 * 1024,
            answer_tokens_max: 1_500,
            tool_ms: 30_000,
            deadlines_per_turn: 5,
        }
    }
}
