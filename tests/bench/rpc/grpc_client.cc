// SPDX-License-Identifier: MIT
// grpc-client: the load for grpc-server; arguments in load.h. "calls" are asynchronous, on one
// completion queue and one thread; every connection is a channel of its own.
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "echo.grpc.pb.h"
#include "tests/bench/rpc/load.h"

namespace
{

using hallmark::v1::Bench;
using hallmark::v1::EchoRequest;
using hallmark::v1::EchoResponse;

std::string read_file(const std::string &path)
{
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

class Dialer
{
  public:
    explicit Dialer(const struct load &load)
        : address_("127.0.0.1:" + std::to_string(load.port))
    {
        std::string folder = load.certificates;
        grpc::SslCredentialsOptions tls;
        tls.pem_root_certs = read_file(folder + "/root.pem");
        tls.pem_private_key = read_file(folder + "/client.key");
        tls.pem_cert_chain = read_file(folder + "/client.pem");
        credentials_ = grpc::SslCredentials(tls);
    }
    std::shared_ptr<grpc::Channel> dial() const
    {
        grpc::ChannelArguments arguments;
        arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
        arguments.SetSslTargetNameOverride("localhost");
        auto channel = grpc::CreateCustomChannel(address_, credentials_, arguments);
        auto until = std::chrono::system_clock::now() + std::chrono::seconds(20);
        if (!channel->WaitForConnected(until))
            load_die("gRPC: cannot connect");
        return channel;
    }

  private:
    std::string address_;
    std::shared_ptr<grpc::ChannelCredentials> credentials_;
};

struct Call {
    grpc::ClientContext context;
    EchoResponse out;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<EchoResponse>> reader;
};

// One connection and its call in flight.
class Line
{
  public:
    explicit Line(const std::shared_ptr<grpc::Channel> &channel)
        : stub_(Bench::NewStub(channel)), payload_(LOAD_PAYLOAD, '\0')
    {
    }
    void call(grpc::CompletionQueue *queue)
    {
        started_ns_ = load_now_ns();
        EchoRequest in;
        in.set_data(payload_);
        call_ = std::make_unique<Call>();
        call_->context.set_deadline(std::chrono::system_clock::now() +
                                    std::chrono::seconds(30));
        call_->reader = stub_->AsyncEcho(&call_->context, in, queue);
        call_->reader->Finish(&call_->out, &call_->status, this);
    }
    bool answered() const
    {
        if (!call_->status.ok() || call_->out.data().size() != LOAD_PAYLOAD)
            load_die("gRPC: a call failed");
        return load_done(started_ns_);
    }

  private:
    std::unique_ptr<Bench::Stub> stub_;
    std::string payload_;
    std::unique_ptr<Call> call_;
    uint64_t started_ns_ = 0;
};

void calls(const std::vector<std::shared_ptr<grpc::Channel>> &channels)
{
    grpc::CompletionQueue queue;
    std::vector<std::unique_ptr<Line>> lines;
    for (const auto &channel : channels) {
        lines.push_back(std::make_unique<Line>(channel));
        lines.back()->call(&queue);
    }
    void *tag;
    bool ok, over = false;
    size_t in_flight = lines.size();
    while (in_flight != 0 && queue.Next(&tag, &ok)) {
        auto *line = static_cast<Line *>(tag);
        over = !line->answered();
        if (over)
            in_flight--;
        else
            line->call(&queue);
    }
    queue.Shutdown();
    while (queue.Next(&tag, &ok))
        ;
}

// As most users of gRPC call: a thread for each connection, which waits.
void blocking_calls(const std::vector<std::shared_ptr<grpc::Channel>> &channels)
{
    std::vector<std::thread> threads;
    for (const auto &channel : channels)
        threads.emplace_back([&channel] {
            auto stub = Bench::NewStub(channel);
            EchoRequest in;
            EchoResponse out;
            uint64_t started;
            in.set_data(std::string(LOAD_PAYLOAD, '\0'));
            do {
                grpc::ClientContext context;
                context.set_deadline(std::chrono::system_clock::now() +
                                     std::chrono::seconds(30));
                started = load_now_ns();
                if (!stub->Echo(&context, in, &out).ok())
                    load_die("gRPC: a call failed");
            } while (load_done(started));
        });
    for (auto &thread : threads)
        thread.join();
}

void handshakes(const Dialer &dialer, unsigned count)
{
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count; i++)
        threads.emplace_back([&dialer] {
            uint64_t started;
            do {
                started = load_now_ns();
                dialer.dial();
            } while (load_done(started));
        });
    for (auto &thread : threads)
        thread.join();
}

} // namespace

int main(int argc, char **argv)
{
    struct load load = load_of(argc, argv);
    Dialer dialer(load);
    if (load.kind == LOAD_HANDSHAKES) {
        handshakes(dialer, load.connections);
        load_report();
        return 0;
    }
    std::vector<std::shared_ptr<grpc::Channel>> channels;
    load_idle_before();
    for (unsigned i = 0; i < load.connections; i++)
        channels.push_back(dialer.dial());
    if (load.kind == LOAD_IDLE) {
        load_idle_after(&load);
    } else {
        if (load.kind == LOAD_BLOCKING)
            blocking_calls(channels);
        else
            calls(channels);
        load_report();
    }
    return 0;
}
