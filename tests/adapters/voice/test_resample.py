"""The resampler: tones keep frequency and level, what lies above the band is gone, chunks leave no
trace."""

import itertools
import random
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.voice.resample import SoxrResampler
from domain.errors import PeerError
from tests.adapters.voice.recordings import samples

MICROPHONES = (8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000)
ODD = (8_001, 15_999, 16_001, 37_123, 47_999)


def tone(frequency_hz: float, rate_hz: int, *, amplitude: int = 10_000, seconds: float = 1.0) -> bytes:
    """A sine as PCM16."""
    at = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.round(amplitude * np.sin(2 * np.pi * frequency_hz * at)).astype("<i2").tobytes()


def whole(rate_hz: int, pcm: bytes) -> NDArray[np.float64]:
    """All of `pcm` at 16 kHz, in one piece."""
    resampler = SoxrResampler(rate_hz)
    return np.frombuffer(resampler.push(pcm) + resampler.flush(), "<i2").astype(float)


def chunked(resampler: SoxrResampler, pcm: bytes, sizes: list[int]) -> bytes:
    """`pcm` pushed in chunks of `sizes` samples, over and over, and flushed."""
    out, at, size = [], 0, itertools.cycle(sizes)
    while at < len(pcm):
        step = 2 * next(size)
        out.append(resampler.push(pcm[at : at + step]))
        at += step
    return b"".join(out) + resampler.flush()


def level_db(pcm: NDArray[np.float64]) -> float:
    """Level of a tone of amplitude 10,000, in dB against what was sent; its ends, which are clicks,
    left out."""
    return float(20 * np.log10(np.sqrt(np.mean(pcm[1_600:-1_600] ** 2)) / (10_000 / np.sqrt(2)) + 1e-9))


def offset_samples(pcm: NDArray[np.float64], frequency_hz: float) -> float:
    """How much later a tone lies than it was sent, by its phase: within half its period."""
    at = np.arange(len(pcm))
    turns = np.angle(np.sum(pcm * np.hanning(len(pcm)) * np.exp(-2j * np.pi * frequency_hz * at / 16_000))) / (
        2 * np.pi
    )
    return float((-0.25 - turns + 0.5) % 1 - 0.5) * 16_000 / frequency_hz


def beside_tone_db(pcm: NDArray[np.float64], frequency_hz: float) -> float:
    """What is in `pcm` besides the tone, in dB against it; the ends left out."""
    at = 2 * np.pi * frequency_hz * np.arange(len(pcm))[400:-400] / 16_000
    basis = np.stack((np.sin(at), np.cos(at)), axis=1)
    fit = basis @ np.linalg.lstsq(basis, pcm[400:-400], rcond=None)[0]
    return float(10 * np.log10(np.mean((pcm[400:-400] - fit) ** 2) / np.mean(fit**2)))


@pytest.mark.parametrize("rate_hz", [*MICROPHONES, *ODD])
@pytest.mark.parametrize("frequency_hz", [100, 1_000, 3_400])
def test_a_tone_keeps_frequency_level_and_place(rate_hz: int, frequency_hz: int) -> None:
    """The output is the same sine within 0.05 dB and half a sample; anything else is 80 dB below
    it."""
    got = whole(rate_hz, tone(frequency_hz, rate_hz))

    assert abs(level_db(got)) < 0.05
    assert abs(offset_samples(got, frequency_hz)) < 0.5
    assert beside_tone_db(got, frequency_hz) < -80


@pytest.mark.parametrize("rate_hz", [*MICROPHONES, *ODD])
def test_the_band_is_flat_up_to_nine_tenths(rate_hz: int) -> None:
    """Sibilants are high: nothing is lost of them that 16 kHz, or the microphone, can carry."""
    for part in (0.5, 0.8, 0.9):
        assert abs(level_db(whole(rate_hz, tone(part * min(rate_hz, 16_000) / 2, rate_hz)))) < 0.1


@pytest.mark.parametrize("rate_hz", [24_000, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("frequency_hz", [8_200, 9_000, 10_000, 11_500])
def test_what_lies_above_the_band_does_not_fold_into_it(rate_hz: int, frequency_hz: int) -> None:
    """A tone of 10 kHz is not heard as one of 6: it is 80 dB down."""
    assert level_db(whole(rate_hz, tone(frequency_hz, rate_hz))) < -80


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 12_000])
def test_no_images_appear_above_a_slow_microphones_band(rate_hz: int) -> None:
    """Raising the rate adds nothing where the microphone heard nothing."""
    got = whole(rate_hz, tone(1_000, rate_hz))[400:-400]
    spectrum = np.abs(np.fft.rfft(got * np.hanning(len(got))))
    above = np.fft.rfftfreq(len(got), 1 / 16_000) > rate_hz / 2

    assert 20 * np.log10(spectrum[above].max() / spectrum.max()) < -80


@pytest.mark.parametrize("rate_hz", [24_000, 32_000, 44_100, 48_000])
@pytest.mark.parametrize(("frequency_hz", "most_ms"), [(3_400, 0.05), (6_000, 0.25), (7_000, 0.6)])
def test_high_notes_come_hardly_later_than_low_ones(rate_hz: int, frequency_hz: int, most_ms: float) -> None:
    """The delay of a tone's envelope, from the phases a little below and above it."""
    below, above = frequency_hz - 2, frequency_hz + 2
    cycles = [f * offset_samples(whole(rate_hz, tone(f, rate_hz)), f) / 16_000 for f in (below, above)]
    turned = (cycles[1] - cycles[0] + 0.5) % 1 - 0.5

    assert abs(1000 * turned / (above - below)) < most_ms


@pytest.mark.parametrize("rate_hz", [*MICROPHONES, *ODD])
def test_a_click_comes_when_it_came_and_the_last_sample_is_kept(rate_hz: int) -> None:
    """A single loud sample is loudest at its own instant, also if nothing comes after it."""
    for at in (0, 5, rate_hz // 3):
        click = np.zeros(at + 1, "<i2")
        click[at] = 30_000

        got = whole(rate_hz, click.tobytes())

        assert abs(np.argmax(np.abs(got)) - at * 16_000 / rate_hz) <= 1


@pytest.mark.parametrize("rate_hz", [11_025, 44_100, 47_999])
def test_nothing_drifts(rate_hz: int) -> None:
    """The first and the last second of two minutes lie equally, to a thousandth of a sample."""
    got = whole(rate_hz, tone(1_000, rate_hz, seconds=120))

    assert abs(offset_samples(got[-17_000:-1_000], 1_000) - offset_samples(got[1_000:17_000], 1_000)) < 0.001


@pytest.mark.parametrize("rate_hz", [*MICROPHONES, *ODD, 16_000])
def test_chunks_of_any_size_make_no_difference(rate_hz: int) -> None:
    """To the bit: no clicks at their borders, as there is no trace of them."""
    pcm = samples("fluent")[16_000:40_000].tobytes()
    dice = random.Random(rate_hz)

    for sizes in ([len(pcm)], [1], [dice.randrange(0, 700) for _ in range(40)], [rate_hz // 50]):
        whole = chunked(SoxrResampler(rate_hz), pcm, [999])
        assert chunked(SoxrResampler(rate_hz), pcm, sizes if any(sizes) else [1]) == whole


@pytest.mark.parametrize("rate_hz", [*MICROPHONES, *ODD, 16_000])
@pytest.mark.parametrize("taken", [0, 1, 2, 37, 960, 48_000])
def test_the_length_is_exact(rate_hz: int, taken: int) -> None:
    """As many samples as fit into the time that was heard, none missing at the end."""
    assert len(whole(rate_hz, bytes(2 * taken))) == -(-taken * 16_000 // rate_hz)


@pytest.mark.parametrize("rate_hz", [*MICROPHONES, *ODD, 31_999, 32_001])
def test_nothing_waits_longer_than_stated(rate_hz: int) -> None:
    """After each chunk the output is at most `delay_ms` behind the input; and it is no empty
    promise."""
    for size in (rate_hz // 50, 480, 7, 1):
        resampler = SoxrResampler(rate_hz)
        taken = made = 0
        behind_ms = [0.0]
        while taken < 3_000 or taken < 10 * size:
            made += len(resampler.push(bytes(2 * size))) // 2
            taken += size
            behind_ms.append(1000 * (taken / rate_hz - made / 16_000))
        assert resampler.delay_ms - 0.5 < max(behind_ms) <= resampler.delay_ms


@pytest.mark.parametrize(
    ("rate_hz", "most_ms"), [(48_000, 13), (44_100, 14), (32_000, 8), (24_000, 10.5), (8_000, 30.5)]
)
def test_the_delay_is_the_least_that_there_is(rate_hz: int, most_ms: float) -> None:
    """What a browser's microphone waits is less than a frame; only a telephone's 8 kHz waits
    longer."""
    assert SoxrResampler(rate_hz).delay_ms <= most_ms


def test_16_khz_passes_through() -> None:
    """Not a bit is touched, and nothing waits."""
    pcm = samples("office")[:777].tobytes()
    resampler = SoxrResampler(16_000)

    assert resampler.push(pcm) == pcm
    assert resampler.flush() == b""
    assert resampler.delay_ms == 0


def test_the_loudest_is_clipped_and_does_not_wrap() -> None:
    """A full-scale square overshoots in any filter; its sign must survive."""
    square = np.tile(np.repeat(np.array([32_767, -32_768], "<i2"), 120), 100)

    got = whole(48_000, square.tobytes())

    assert got.max() == 32_767
    assert got.min() == -32_768
    assert np.all(np.sign(got[10:30]) == 1)


def test_a_flushed_resampler_is_as_new() -> None:
    """What comes after the end owes nothing to what came before."""
    resampler = SoxrResampler(44_100)
    resampler.push(tone(440, 44_100))
    resampler.flush()
    again = tone(1_000, 44_100, seconds=0.2)

    assert resampler.push(again) + resampler.flush() == whole(44_100, again).astype("<i2").tobytes()


@pytest.mark.parametrize("rate_hz", [-16_000, 0, 7_999, 48_001, 96_000])
def test_other_rates_are_refused(rate_hz: int) -> None:
    """The peer learns what it may send."""
    with pytest.raises(PeerError, match="8000 to 48000 Hz") as refused:
        SoxrResampler(rate_hz)

    assert refused.value.code == "bad_sample_rate"


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_half_a_sample_is_refused_whole(rate_hz: int) -> None:
    """Taken on, it would turn all that follows into noise; the stream goes on as if it had not
    come."""
    resampler = SoxrResampler(rate_hz)
    with pytest.raises(PeerError) as refused:
        resampler.push(b"\1" * 961)

    assert refused.value.code == "malformed_audio"
    pcm = tone(1_000, rate_hz, seconds=0.1)
    assert resampler.push(pcm) + resampler.flush() == whole(rate_hz, pcm).astype("<i2").tobytes()


def test_a_frame_costs_little() -> None:
    """A second of a 48 kHz microphone takes less than a fiftieth of it, with room for a busy
    machine."""
    pcm = tone(1_000, 48_000, seconds=0.02)
    resampler = SoxrResampler(48_000)
    resampler.push(pcm)

    def second() -> float:
        started = time.process_time()
        for _ in range(50):
            resampler.push(pcm)
        return time.process_time() - started

    assert min(second() for _ in range(5)) < 0.02
