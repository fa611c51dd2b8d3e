"""Every number that a decision depends on, with the reason for its default.

A policy is data: it is recorded in `CallOpened`, may be set per agent, and a replay may try another
one on the same inputs. Speech and silence (`*_ms` of the groups voice, endpoint and barge-in) are
measured in samples of the candidate's audio; timeouts are measured on the call's clock.
"""

from typing import Annotated, Literal

import msgspec

Millis = Annotated[int, msgspec.Meta(ge=0, le=3_600_000)]
Decibels = Annotated[int, msgspec.Meta(ge=0, le=100)]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]


class VoicePolicy(msgspec.Struct, frozen=True):
    detector: Literal["cascade", "silero", "webrtc"] = "cascade"
    """The cascade is webrtcvad as a gate that costs nothing, and Silero behind it; each can be used
    alone."""
    start_threshold: Probability = 0.5
    """Silero's own operating point."""
    keep_threshold: Probability = 0.15
    """Once speaking, a frame counts as voiced down to here: of a hoarse voice the network is often
    no surer. How loud a frame is decides as well, so that a generous network does not prolong a
    voice."""
    start_window_ms: Millis = 120
    start_voiced_ms: Millis = 80
    """A start needs 80 ms of voice within 120 ms: longer than a click, shorter than a syllable."""
    preroll_ms: Millis = 300
    """What is sent from before the sound that a voice was noticed in: soft consonants are below
    every threshold."""
    preroll_most_ms: Millis = 2_000
    """And no more than this from before the onset, however long there was sound: it may have been a
    noise."""
    above_floor_db: Decibels = 6
    """A voice is at least so much louder than the noise around it."""
    fall_db: Decibels = 30
    """A frame so far below the voice's own peak is its silence: networks notice an end some 100 ms
    later."""
    echo_margin_db: Decibels = 6
    """Over the interviewer a voice is so much louder than what leaks of the interviewer's own."""


class EndpointPolicy(msgspec.Struct, frozen=True):
    turns: Literal["local", "gemini"] = "local"
    """Who decides turns. With "gemini" audio streams continuously and playback cannot be held
    reversibly."""
    strategy: Literal["adaptive", "silence"] = "adaptive"
    """How an end is decided locally: by all the evidence there is, or by a plain silence timer, for
    comparison."""
    silence_ms: Millis = 700
    """The plain silence timer. The wait is this to twice this where nobody has predicted how an
    answer sounds."""
    quick_ms: Millis = 400
    """The silence that ends an answer which is surely over."""
    patient_ms: Millis = 2_200
    """The silence that ends one which surely is not, of a candidate whose pauses are not known yet."""
    ceiling_ms: Millis = 3_000
    """No silence is waited out longer, whatever the evidence."""
    patience_pct: Annotated[int, msgspec.Meta(ge=10, le=500)] = 100
    """Scales all of these waits but the ceiling: below 100 answers sooner and cuts off more."""
    turn_detector: Literal["smart_turn", "none"] = "smart_turn"
    """Who listens to how a pause was entered: the Smart Turn network, or nobody."""
    turn_detector_after_ms: Millis = 160
    """The network is asked after this much silence: most pauses within a sentence are over by then."""
    turn_detector_again_ms: Millis = 400
    """It is asked again after so much more, as the silence itself is evidence; at most three times
    a pause."""
    send_chunk_ms: Millis = 40
    """How much of the candidate's audio one message to Gemini carries: two frames, half the cost of
    one each."""
    send_silence_ms: Millis = 600
    """So much of a pause goes to Gemini as it is heard; what is longer follows if the candidate
    goes on, else never."""


class BargeInPolicy(msgspec.Struct, frozen=True):
    suspect_voiced_ms: Millis = 40
    """So much voice over the interviewer holds playback, which costs nothing if it was none."""
    confirm_voiced_ms: Millis = 260
    """This much strong voice since the onset is an interruption, unless it is just fading away."""
    sure_threshold: Probability = 0.8
    """A frame is strong where the network is so sure, and the voice is not fading: coughs seldom
    are."""
    confirm_long_ms: Millis = 440
    """This much voice is one even where it is not strong: few acknowledgements are so long, and
    hoarse voices weak."""
    dismiss_silence_ms: Millis = 80
    """This much silence after the voice is none: it was a cough or an "uh-huh"."""
    fall_db: Decibels = 20
    """What counts as that silence: so far below the voice's peak. The pause within "uh-huh" is much
    deeper."""
    fading_db: Decibels = 15
    """A voice so far below its peak may be about to end: it is not confirmed at this moment."""
    same_voice_ms: Millis = 500
    """A voice that goes on so soon after it was dismissed is the same one: its earlier samples
    count."""
    recall_ms: Millis = 1_500
    """A voice dismissed so shortly before an interruption goes to Gemini with it: it may have been
    its first word."""
    side_db: Decibels = 10
    """A voice so far below the candidate's usual level is somebody else's, further away."""
    ceiling_ms: Millis = 1_200
    """A suspicion is decided once so much audio came after its hold began, by the larger share of voice
    and silence. If frames stop, the clock decides after twice this."""
    overlap_ms: Millis = 300
    """A voice that begins when only this much is left to hear is the next answer, not an
    interruption."""


class EagerPolicy(msgspec.Struct, frozen=True):
    enabled: bool = False
    """Whether an answer that sounds finished is given to Gemini before its end is certain."""
    after_ms: Millis = 200
    """The silence after which that may happen."""
    completeness_pct: Annotated[int, msgspec.Meta(ge=0, le=100)] = 90
    """How finished it has to sound."""


class HistoryPolicy(msgspec.Struct, frozen=True):
    correction: Literal["note", "none"] = "note"
    """Whether Gemini gets a short note, with the next window, about a reply that was not heard to
    its end."""
    seed_characters: Annotated[int, msgspec.Meta(ge=1_000, le=400_000)] = 40_000
    """How much of the conversation a new session is given: some 10,000 tokens, or 45 minutes of
    talk."""


class PlayoutPolicy(msgspec.Struct, frozen=True):
    lead_ms: Millis = 400
    """How far ahead of the candidate's ears audio is sent: enough for a jittery network, little
    enough to flush."""
    chunk_ms: Millis = 40
    """What one binary message to the client carries."""
    stall_ms: Millis = 8_000
    """A client that holds audio and does not play any for this long is broken."""
    max_ms: Annotated[int, msgspec.Meta(ge=1_000, le=3_600_000)] = 300_000
    """The most audio of the model that may wait to be played; more is refused, counted, and an
    event."""


class LinkPolicy(msgspec.Struct, frozen=True):
    hello_wait_ms: Millis = 60_000
    """How long a new call waits for its client."""
    resume_wait_ms: Millis = 120_000
    """How long a call waits for its client to come back: a lift, a change of networks, a restarted
    router."""
    silence_ms: Annotated[int, msgspec.Meta(ge=100, le=60_000)] = 3_000
    """A client that has sent nothing for so long, not even a pong, has lost its line."""
    second_client: Literal["replace", "refuse"] = "replace"
    """Whether a second client that says hello takes the call from the one that is connected, or is
    refused."""
    grace_ms: Millis = 3_000
    """How long a closed call accepts audio that was not yet acknowledged."""
    dial_attempts: Annotated[int, msgspec.Meta(ge=1, le=10)] = 3
    """Tries for a Gemini session without a completed turn between them; after that the call closes."""
    healthy_ms: Millis = 60_000
    """A session that lived this long was good: the dials before it no longer count."""
    steady_ms: Millis = 1_000
    """A session that lived this long is followed by the next at once: Gemini is there, and takes
    sessions."""
    dial_backoff_ms: Millis = 400
    """The wait before the second try where the first failed; doubles with each; the adapter adds
    jitter."""
    rotation_margin_ms: Millis = 3_000
    """A session that Gemini is about to end is left at a quiet moment. From so long before its end
    on, also at another one, but not while a reply is being made."""
    rotation_latest_ms: Millis = 500
    """This long before its end it is left in any state but `interrupted`."""
    session_age_ms: Millis = 540_000
    """A session of this age is left at a quiet moment: connections last about 10 minutes, and
    replies get slower."""
    reply_timeout_ms: Millis = 5_000
    """A model that has not begun to answer by then is nudged, once. Gemini answers within 0.6 to 3
    s, old sessions a second later, and one turn in five was seen to stay silent: what is waited
    here is heard as silence each time."""
    continuation_timeout_ms: Millis = 3_000
    """A reply that was heard as far as it came, and does not go on for this long, is over: Gemini
    may not say so."""
    late_audio_ms: Millis = 600
    """Audio that comes this soon after an answer began belongs to the reply that it cut, unless
    Gemini has ended that one. Where that reply was cut while its audio came, so does audio that
    comes this soon after the next reply was requested."""
    overtime_ms: Millis = 120_000
    """How long a call may go on after the interview's duration."""
    window_keep_ms: Millis = 180_000
    """How much of an unanswered turn's audio is kept in memory, to be sent again after a re-dial.
    Older audio is read back from the log."""
    nudge_timeout_ms: Millis = 10_000
    """A nudged model has longer, as it may be slow and the nudge made it begin anew. Then it is
    dialled again."""
    chosen_silence_ms: Millis = 10_000
    """A model that chose to say nothing is asked once to go on, after so much silence on both
    sides."""
    turn_end_wait_ms: Millis = 700
    """How long more audio is awaited where a turn's end comes without the end of its audio."""


class RecordingPolicy(msgspec.Struct, frozen=True):
    segment_ms: Annotated[int, msgspec.Meta(ge=20, le=1_000)] = 1_000
    """Audio is stored, and acknowledged, in segments of at most this length."""
    snapshot_every_ms: Millis = 10_000
    """How often a snapshot is taken: recovery runs the core over little more of the log than this.
    A minute of log takes 0.1 s of a core, and all calls of a process that dies are taken over at
    once."""


class Policy(msgspec.Struct, frozen=True):
    """All of it. Every group has defaults; an agent's file names only what differs."""

    voice: VoicePolicy = VoicePolicy()
    endpoint: EndpointPolicy = EndpointPolicy()
    barge_in: BargeInPolicy = BargeInPolicy()
    eager: EagerPolicy = EagerPolicy()
    history: HistoryPolicy = HistoryPolicy()
    playout: PlayoutPolicy = PlayoutPolicy()
    links: LinkPolicy = LinkPolicy()
    recording: RecordingPolicy = RecordingPolicy()

    @property
    def local_turns(self) -> bool:
        """Whether Viva decides turns, rather than Gemini."""
        return self.endpoint.turns == "local"
