"""A client of `viva.v1` in Python: what `viva call`, the demo, the benches and the tests talk to a
server with.

    from api.client import VivaClient, open_call

    opened = await open_call("http://127.0.0.1:8000", agent="interviewer", candidate={"name": "Ada"},
                             context={"role": "Engineer", "questions": ["Why?"]})
    async with VivaClient(opened, rate_hz=16_000) as call:
        call.microphone.say(pcm)                     # PCM16 at 16 kHz; silence is sent in between
        async for message in call.messages():        # every control message of the server, until the call is over
            print(message["type"])
    heard = call.loudspeaker.heard                   # PCM16 at 24 kHz: what a candidate would have heard, with gaps

It keeps what the server has not acknowledged and sends it again after a reconnect, plays the
interviewer's voice on a clock of its own, holds, releases and flushes as the server asks, and
reports its playback as a browser does.
"""

from api.client.connection import VivaClient
from api.client.hello import CallEndedError
from api.client.loudspeaker import Loudspeaker
from api.client.microphone import Microphone
from api.client.opening import OpenedCall, open_call

__all__ = ["CallEndedError", "Loudspeaker", "Microphone", "OpenedCall", "VivaClient", "open_call"]
