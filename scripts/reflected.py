"""A client of one service of a live server that knows nothing but reflection. Needs grpcio and
grpcio-reflection."""

from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

DEADLINE_SECONDS = 10


class Service:
    """A service with message types made from what reflection says, by method name."""

    def __init__(self, channel, name):
        self.channel, self.name = channel, name
        pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        self.methods = pool.FindServiceByName(name).methods_by_name

    def call(self, name, **fields):
        method = self.methods[name]
        request = message_factory.GetMessageClass(method.input_type)(**fields)
        answer = message_factory.GetMessageClass(method.output_type)
        invoke = self.channel.unary_unary(
            f"/{self.name}/{name}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        return invoke(request, timeout=DEADLINE_SECONDS)
