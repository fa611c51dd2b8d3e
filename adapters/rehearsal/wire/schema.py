"""The fields a client may send, as data: the names of google-genai 3.4's wire types, and their
kinds.

A mapping is a message, a list of one element a repeated field, a `Kind` a scalar; `OPAQUE` is JSON
whose keys belong to the client (function arguments, JSON schemas, labels) or a part of the service
that a rehearsal has no use for.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import TypeAlias


class Kind(Enum):
    """What protobuf's JSON accepts at a leaf."""

    TEXT = auto()
    FLAG = auto()
    NUMBER = auto()
    ENUM = auto()
    OPAQUE = auto()


Shape: TypeAlias = "Kind | Mapping[str, Shape] | Sequence[Shape]"
TEXT, FLAG, NUMBER, ENUM, OPAQUE = Kind.TEXT, Kind.FLAG, Kind.NUMBER, Kind.ENUM, Kind.OPAQUE

BLOB: Shape = {"data": TEXT, "mimeType": TEXT, "displayName": TEXT}

PART: Shape = {
    "text": TEXT,
    "inlineData": BLOB,
    "fileData": OPAQUE,
    "thought": FLAG,
    "thoughtSignature": TEXT,
    "functionCall": OPAQUE,
    "functionResponse": OPAQUE,
    "executableCode": OPAQUE,
    "codeExecutionResult": OPAQUE,
    "videoMetadata": OPAQUE,
    "mediaResolution": OPAQUE,
    "toolCall": OPAQUE,
    "toolResponse": OPAQUE,
    "partMetadata": OPAQUE,
    "audioTranscription": OPAQUE,
    "mediaProcessing": OPAQUE,
    "speechMetadata": OPAQUE,
}

CONTENT: Shape = {"role": TEXT, "parts": [PART]}

TRANSCRIPTION: Shape = {
    "languageCodes": [TEXT],
    "languageAuto": OPAQUE,
    "languageHints": OPAQUE,
    "customVocabulary": [TEXT],
    "adaptationPhrases": [TEXT],
    "wordTimestamp": FLAG,
    "diarization": FLAG,
    "mode": ENUM,
    "sourceText": TEXT,
}

GENERATION: Shape = {
    "responseModalities": [ENUM],
    "speechConfig": {
        "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": TEXT}, "replicatedVoiceConfig": OPAQUE},
        "languageCode": TEXT,
        "multiSpeakerVoiceConfig": OPAQUE,
    },
    "thinkingConfig": {"includeThoughts": FLAG, "thinkingBudget": NUMBER, "thinkingLevel": ENUM},
    "enableAffectiveDialog": FLAG,
    "temperature": NUMBER,
    "topP": NUMBER,
    "topK": NUMBER,
    "seed": NUMBER,
    "candidateCount": NUMBER,
    "maxOutputTokens": NUMBER,
    "presencePenalty": NUMBER,
    "frequencyPenalty": NUMBER,
    "stopSequences": [TEXT],
    "mediaResolution": ENUM,
    "translationConfig": OPAQUE,
    "audioTranscriptionConfig": OPAQUE,
    "modelSelectionConfig": OPAQUE,
    "routingConfig": OPAQUE,
}

FUNCTION: Shape = {
    "name": TEXT,
    "description": TEXT,
    "parameters": OPAQUE,
    "parametersJsonSchema": OPAQUE,
    "response": OPAQUE,
    "responseJsonSchema": OPAQUE,
    "behavior": ENUM,
}

TOOL: Shape = {
    "functionDeclarations": [FUNCTION],
    "googleSearch": OPAQUE,
    "googleSearchRetrieval": OPAQUE,
    "googleMaps": OPAQUE,
    "codeExecution": OPAQUE,
    "urlContext": OPAQUE,
    "retrieval": OPAQUE,
    "computerUse": OPAQUE,
    "fileSearch": OPAQUE,
    "enterpriseWebSearch": OPAQUE,
    "mcpServers": OPAQUE,
}

SETUP: Shape = {
    "model": TEXT,
    "generationConfig": GENERATION,
    "systemInstruction": CONTENT,
    "tools": [TOOL],
    "sessionResumption": {"handle": TEXT, "transparent": FLAG},
    "contextWindowCompression": {"triggerTokens": NUMBER, "slidingWindow": {"targetTokens": NUMBER}},
    "inputAudioTranscription": TRANSCRIPTION,
    "outputAudioTranscription": TRANSCRIPTION,
    "realtimeInputConfig": {
        "automaticActivityDetection": {
            "disabled": FLAG,
            "startOfSpeechSensitivity": ENUM,
            "endOfSpeechSensitivity": ENUM,
            "prefixPaddingMs": NUMBER,
            "silenceDurationMs": NUMBER,
        },
        "activityHandling": ENUM,
        "turnCoverage": ENUM,
        "interimTranscriptTimestampEnabled": FLAG,
    },
    "proactivity": {"proactiveAudio": FLAG, "proactiveVideo": FLAG},
    "historyConfig": {"initialHistoryInClientContent": FLAG},
    "explicitVadSignal": FLAG,
    "avatarConfig": OPAQUE,
    "safetySettings": OPAQUE,
    "labels": OPAQUE,
}

CLIENT_MESSAGE: Mapping[str, Shape] = {
    "setup": SETUP,
    "clientContent": {"turns": [CONTENT], "turnComplete": FLAG},
    "realtimeInput": {
        "mediaChunks": [BLOB],
        "audio": BLOB,
        "video": BLOB,
        "text": TEXT,
        "audioStreamEnd": FLAG,
        "activityStart": {},
        "activityEnd": {},
    },
    "toolResponse": {
        "functionResponses": [
            {
                "id": TEXT,
                "name": TEXT,
                "response": OPAQUE,
                "willContinue": FLAG,
                "scheduling": ENUM,
                "parts": OPAQUE,
            }
        ]
    },
    "contextUpdate": {"systemInstruction": CONTENT, "tools": {"tools": [TOOL]}},
}
