"""The loudness of each stored segment is in the log, and a replay finds the same."""

from domain import events as ev
from domain import inputs as inp
from domain.recovery.replay import differences
from domain.sound.features import FrameFeatures
from tests.domain.calls import Driver, segments

LOUD = FrameFeatures(level=200, gate=1, voice=250, peak=255, clipped=7)
HUM = FrameFeatures(level=60, gate=0, voice=2, peak=70)


def hears(driver: Driver, ms: int, features: FrameFeatures) -> None:
    for _ in range(ms // 20):
        frame = inp.CandidateFrame(at_us=0, client_seq=0, features=features, pcm=bytes(640))
        driver.happens(frame, 20_000)


def recorded(driver: Driver, kind: type[ev.CandidateAudioRecorded]) -> list[ev.CandidateAudioRecorded]:
    return [event for event in driver.events if type(event) is kind]


def test_a_segment_of_the_candidate_says_how_loud_it_is() -> None:
    """Given five seconds of hum, then each of its segments has the hum's level and peak, nothing
    clipped, and at last the hum as the noise floor."""
    driver = Driver().connected()
    hears(driver, 5_000, HUM)
    newest = recorded(driver, ev.CandidateAudioRecorded)[-1]
    assert (newest.level, newest.peak, newest.clipped_samples) == (60, 70, 0)
    assert 55 <= newest.noise_floor <= 60


def test_clipped_samples_of_a_segment_are_counted() -> None:
    """Given a voice that overdrives its microphone, then the segments hold as many clipped samples
    as its frames."""
    driver = Driver().connected()
    hears(driver, 1_000, LOUD)
    hears(driver, 2_000, HUM)
    found = recorded(driver, ev.CandidateAudioRecorded)
    assert sum(event.clipped_samples for event in found) == 50 * 7
    assert max(event.peak for event in found) == 255


def test_a_segment_of_the_interviewer_says_how_loud_it_is() -> None:
    """Given a loud and a soft chunk in one segment, after the chunk that began the reply, then it has
    half of the loud one's energy (-3 dB), and the soft one's level as its noise floor."""
    driver = Driver().connected()
    for level, clipped in ((100, 0), (200, 2), (90, 0)):
        driver.happens(inp.ModelAudio(at_us=0, pcm=bytes(1920), level=level, peak=level, clipped=clipped), 10_000)
    driver.happens(inp.HangupRequested(by="operator", reason="enough"), 10_000)
    event = [event for event in driver.events if isinstance(event, ev.InterviewerAudioRecorded)][-1]
    assert (event.level, event.peak, event.clipped_samples, event.noise_floor) == (194, 200, 2, 90)


def test_a_replay_records_the_same_loudness() -> None:
    """Given a call of varied loudness, when the core runs over its log and audio again, then every
    event is the same, also its loudness."""
    driver = Driver().connected()
    hears(driver, 1_500, LOUD)
    driver.happens(inp.ModelAudio(at_us=0, pcm=bytes(1920), level=120, peak=130, clipped=1), 10_000)
    hears(driver, 2_000, HUM)
    driver.happens(inp.HangupRequested(by="operator", reason="enough"), 10_000)
    assert list(differences(driver.events, segments(driver.call, driver.effects))) == []
    assert any(event.level for event in recorded(driver, ev.CandidateAudioRecorded))
